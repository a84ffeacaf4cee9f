/**
 * Manifests that were dropped beside an installer contribute what it does not say itself. They never replace a fact of a higher
 * level: with the installer's own SHA-256 their facts are `usual`, without one they are guesses.
 */
import type {
  InstallerFacts,
  InstallerKnowledge,
} from '#shared/contract/rest/installer-knowledge.ts'
import { INSTALLER_KINDS, type InstallerKind } from '#shared/domain/platforms.ts'
import { AppError } from '#shared/contract/errors.ts'
import type { Detection } from '#shared/contract/detection.ts'
import type { PackageFacts } from '../../facts.ts'
import { guess, knowledgeOf, usual, warning } from '../../knowledge.ts'
import { isOrderable } from '#shared/domain/versions.ts'
import type { ManifestFile } from '../../protocol.ts'
import type { Manifest, ManifestReader, ProductRule } from './manifest.ts'
import { readWinget } from './winget.ts'
import { readChocolatey, readIntune, readMunki } from './xml-manifests.ts'

export type { ManifestFile } from '../../protocol.ts'
const READERS: readonly ManifestReader[] = [readWinget, readMunki, readChocolatey, readIntune]
const LEVELS = ['guess', 'usual', 'read', 'proven'] as const
/** Kinds that take their switches from a manifest. */
const WITH_SWITCHES: readonly InstallerKind[] = ['exe', 'msi']

/**
 * The rule for this release, if there is one, and the one for any release. The product code of an .msi changes with each
 * release. The name of an uninstall key or of a receipt does not, so a rule without a version would also find older releases.
 */
function rulesOf(
  { detection, ruleVersion, upgradeOf }: Manifest,
  kind: InstallerKind,
): { detection?: Detection | undefined; upgradeOf?: Detection | undefined } {
  const isProduct = detection?.type === 'msi_product'
  if (!detection || (isProduct && kind === 'msi')) return { detection, upgradeOf }
  const product: ProductRule =
    isProduct && kind === 'exe'
      ? { type: 'uninstall_key', key: detection.product_code, hive: 'machine', operator: 'ge' }
      : detection
  return ruleVersion !== undefined && isOrderable(ruleVersion)
    ? { detection: { ...product, version: ruleVersion }, upgradeOf }
    : { upgradeOf: upgradeOf ?? product }
}

function factsOf(manifest: Manifest, isForThisFile: boolean, kind: InstallerKind): InstallerFacts {
  const level = isForThisFile ? usual : guess
  const source = `manifest (${manifest.format})`
  const { name, version, publisher } = manifest
  const { platform } = INSTALLER_KINDS[kind]
  const isFitting = (rule: Detection | undefined): boolean =>
    rule !== undefined && (rule.type === 'pkgutil' ? 'macos' : 'windows') === platform
  const rules = rulesOf(manifest, kind)
  const [detection, upgradeOf] = [rules.detection, rules.upgradeOf].map((rule) =>
    isFitting(rule) ? rule : undefined,
  )
  const withSwitches = WITH_SWITCHES.includes(kind) ? manifest : null
  return {
    ...(name ? { name: level(name, source) } : {}),
    ...(version ? { version: level(version, source) } : {}),
    ...(publisher ? { publisher: level(publisher, source) } : {}),
    ...(withSwitches?.installArgs ? { install_args: level(withSwitches.installArgs, source) } : {}),
    ...(withSwitches?.successCodes
      ? { success_exit_codes: level(withSwitches.successCodes, source) }
      : {}),
    ...(detection ? { detection: level(detection, source) } : {}),
    ...(upgradeOf ? { upgrade_of: level(upgradeOf, source) } : {}),
  }
}

function merged(own: InstallerFacts, more: InstallerFacts): InstallerFacts {
  const added = Object.entries(more).filter(([name, fact]) => {
    const known = own[name as keyof InstallerFacts]
    return !known || LEVELS.indexOf(known.level) < LEVELS.indexOf(fact.level)
  })
  return { ...own, ...Object.fromEntries(added) }
}

const ignored = (why: string) =>
  warning('manifest_ignored', `The manifest beside the installer was ignored: ${why}.`)

/** What the manifests say about the installer with this hash, or why they are ignored. */
function readManifests(files: readonly ManifestFile[], sha256: string): Manifest | string {
  for (const read of READERS)
    try {
      const manifest = read(files, sha256)
      if (!manifest) continue
      const isForOther = manifest.hashes.length > 0 && !manifest.hashes.includes(sha256)
      return isForOther ? 'it describes another file, with another SHA-256' : manifest
    } catch (error) {
      if (error instanceof AppError && error.code === 'E_PACKAGE_LIMIT') throw error
      return 'it is damaged, or uses what no manifest needs'
    }
  return 'it is of no kind that is known'
}

export function withManifests(
  facts: PackageFacts,
  { files, sha256 }: { files: readonly ManifestFile[]; sha256: string },
  kind: InstallerKind,
): PackageFacts {
  const manifest = readManifests(files, sha256.toLowerCase())
  const own: InstallerKnowledge = facts.knowledge ?? knowledgeOf(null, { is_installer: null })
  if (typeof manifest === 'string')
    return { ...facts, knowledge: { ...own, warnings: [...own.warnings, ignored(manifest)] } }
  const added = factsOf(manifest, manifest.hashes.length > 0, kind)
  const knowledge = { ...own, facts: merged(own.facts, added) }
  const { name, version, publisher, detection } = knowledge.facts
  const isRule =
    detection !== undefined && detection === added.detection && detection.level !== 'guess'
  return {
    ...facts,
    name: name?.value ?? facts.name,
    version: version?.value ?? facts.version,
    publisher: publisher?.value ?? facts.publisher,
    detection: facts.detection ?? (isRule ? detection.value : null),
    knowledge,
  }
}
