/** Helpers for readers: how a file installs, each fact with its reliability and its source. */
import type { Detection } from '#shared/contract/detection.ts'
import type {
  Fact,
  FactLevel,
  InstallerFacts,
  InstallerKnowledge,
  InstallerWarning,
} from '#shared/contract/rest/installer-knowledge.ts'
import type { KnownTechnology } from '#shared/domain/installer-technology.ts'
import { isOrderable } from '#shared/domain/versions.ts'
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

/**
 * Rules that find a product by what it registers. Without a version that can be ordered, an older release looks like this one
 * and the upgrade would be skipped, so the rule is only a guess.
 */
export function rulesFor(
  product: Extract<Detection, { type: 'uninstall_key' | 'pkgutil' }>,
  version: string,
  source: string,
): { detection: Fact<Detection>; upgrade_of?: Fact<Detection> } {
  return isOrderable(version)
    ? { detection: read<Detection>({ ...product, version }, source) }
    : { detection: guess<Detection>(product, source), upgrade_of: read<Detection>(product, source) }
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
