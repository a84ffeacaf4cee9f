/** What the controller found out about an installer, as proposals for the form. Pure. */
import type { Detection } from '#shared/contract/detection.ts'
import type { Installer, UpdateInstaller } from '#shared/contract/rest/software.ts'
import type { FactLevel, InstallerKnowledge } from '#shared/contract/rest/installer-knowledge.ts'
import { runKind } from '#shared/domain/archives.ts'
import type { InstallerKind } from '#shared/domain/platforms.ts'
import { loadsFromElsewhere } from '#shared/domain/remote-arguments.ts'
import { formatExitCode } from '#shared/domain/windows-codes.ts'
import { isRule, toDetection, toDetectionForm, type DetectionForm } from './detection-form.ts'
import { installerChanges, toInstallerForm, type InstallerForm } from './readout.ts'
import { t } from './texts.ts'

/** A fact, whatever its value. */
export type Reason = { level: FactLevel; source: string }

export const LEVEL_NAME: Record<FactLevel, string> = {
  proven: t('levels.proven'),
  read: t('levels.read'),
  usual: t('levels.usual'),
  guess: t('levels.guess'),
}
export const reasonText = ({ level, source }: Reason): string => t(`reasons.${level}`, { source })

/** Switches that the agent adds itself, so that they do not stand in the form. */
const ADDED: Partial<Record<InstallerKind, readonly string[]>> = { msi: ['/qn', '/norestart'] }
/** Kinds whose switches come from the form alone, and Windows Installer packages, which take properties. */
const TAKES_SWITCHES: readonly InstallerKind[] = ['exe', 'sh', 'msi']

type Known = Pick<Installer, 'knowledge' | 'kind'>

/** Null: none are known, or the agent adds all of them. */
function knownArguments(
  knowledge: InstallerKnowledge | null | undefined,
  kind: InstallerKind,
): string | null {
  const fact = knowledge?.facts.install_args
  if (!fact || fact.level === 'guess' || !TAKES_SWITCHES.includes(kind)) return null
  const added = ADDED[kind] ?? []
  const words = fact.value.split(' ').filter((word) => !added.includes(word.toLowerCase()))
  return words.join(' ') || null
}

/** Arguments to fill in. Never those that load something from another computer: a person must accept them. */
export function proposedArguments(...known: Parameters<typeof knownArguments>): string | null {
  const args = knownArguments(...known)
  return args !== null && loadsFromElsewhere(args) ? null : args
}
/** Known arguments that load something from another computer. */
export function remoteArguments(...known: Parameters<typeof knownArguments>): string | null {
  const args = knownArguments(...known)
  return args !== null && loadsFromElsewhere(args) ? args : null
}

/** The form with proposals in its empty fields. Only for a new installer: later, an empty field is a decision. */
export function withProposals<T extends InstallerForm>(form: T, { knowledge, kind }: Known): T {
  const runs = runKind(kind, form.platform, form.entry)
  const codes = knowledge?.facts.success_exit_codes
  const isCodesKnown = runs === 'exe' && codes !== undefined && codes.level !== 'guess'
  return {
    ...form,
    install_args: form.install_args.trim() || (proposedArguments(knowledge, runs) ?? ''),
    success_exit_codes:
      form.success_exit_codes.trim() ||
      (isCodesKnown && codes.value.some((code) => code !== 0)
        ? codes.value.map(formatExitCode).join(', ')
        : ''),
  }
}

/** What a new installer lacks of the proposals, as a change to it; null: nothing. */
export const proposedChanges = (installer: Installer): UpdateInstaller | null =>
  installerChanges(withProposals(toInstallerForm(installer), installer), installer)

/** Whether a program would run without any switch, so that it may show a window that nobody can close. */
export const lacksSwitch = (
  form: Pick<InstallerForm, 'platform' | 'entry' | 'install_args'>,
  { knowledge, kind }: Known,
): boolean =>
  runKind(kind, form.platform, form.entry) === 'exe' &&
  form.install_args.trim() === '' &&
  // Some run silently without any switch, and say so.
  knowledge?.facts.install_args?.value !== ''

/** Whether the form still has this rule. */
export const hasRule = (
  form: DetectionForm,
  platform: InstallerForm['platform'],
  rule: Detection,
) =>
  isRule(form) &&
  JSON.stringify(toDetection(form)) === JSON.stringify(toDetection(toDetectionForm(rule, platform)))

type ReasonedField = 'name' | 'version' | 'publisher' | 'arguments' | 'codes' | 'arch' | 'detection'

/** Reasons for the values that the form still has; a corrected value has none. */
export function reasonsOf(
  form: InstallerForm & Partial<Record<'name' | 'version' | 'publisher', string>>,
  { knowledge, kind }: Known,
): Partial<Record<ReasonedField, Reason>> {
  const facts = knowledge?.facts ?? {}
  const reasons: ReturnType<typeof reasonsOf> = {}
  for (const key of ['name', 'version', 'publisher', 'arch'] as const) {
    const fact = facts[key]
    if (fact && fact.value === form[key]) reasons[key] = fact
  }
  const args = facts.install_args
  if (
    args &&
    form.install_args.trim() !== '' &&
    form.install_args.trim() === knownArguments(knowledge, runKind(kind, form.platform, form.entry))
  )
    reasons.arguments = args
  const codes = facts.success_exit_codes
  if (codes && form.success_exit_codes === codes.value.map(formatExitCode).join(', '))
    reasons.codes = codes
  for (const rule of [facts.upgrade_of, facts.detection])
    if (rule && hasRule(form, form.platform, rule.value)) reasons.detection = rule
  return reasons
}
