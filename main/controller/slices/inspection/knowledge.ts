/** Helpers for readers: how a file installs, each fact with its reliability and its source. */
import type {
  Fact,
  FactLevel,
  InstallerFacts,
  InstallerKnowledge,
  InstallerWarning,
} from '#shared/contract/rest/installer-knowledge.ts'
import type { KnownTechnology } from '#shared/domain/installer-technology.ts'
import type { PackageFacts } from './facts.ts'

const factOf =
  (level: FactLevel) =>
  <T>(value: T, source: string): Fact<T> => ({ value, level, source })
/** Stands in the installer's own instructions. */
export const read = factOf('read')
/** The default of the technology. */
export const usual = factOf('usual')
/** From a name or a description. */
export const guess = factOf('guess')

export const warning = (code: InstallerWarning['code'], text: string): InstallerWarning => ({
  code,
  text,
})

/** Knowledge of an installer; what is left out is unknown. */
export const knowledgeOf = (
  technology: KnownTechnology | null,
  known: Partial<Omit<InstallerKnowledge, 'technology'>> = {},
): InstallerKnowledge => ({
  technology,
  is_installer: true,
  complete: null,
  scope: null,
  signer: null,
  warnings: [],
  ...known,
  facts: known.facts ?? {},
})

/** A copy without the facts whose value is empty. */
export function withoutEmpty(facts: InstallerFacts): InstallerFacts {
  const kept = Object.entries(facts).filter(([, fact]) => fact !== undefined && fact.value !== '')
  return Object.fromEntries(kept)
}

/** What the editable fields are filled with: a guess of a rule is offered, never applied. */
export function fieldsOf({
  facts,
}: InstallerKnowledge): Pick<PackageFacts, 'name' | 'version' | 'publisher' | 'detection'> {
  const { detection } = facts
  return {
    name: facts.name?.value ?? '',
    version: facts.version?.value ?? '',
    publisher: facts.publisher?.value ?? '',
    detection: detection && detection.level !== 'guess' ? detection.value : null,
  }
}
