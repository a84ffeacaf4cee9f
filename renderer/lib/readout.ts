/** What the controller read out of an installer, as a form that a person corrects. Pure. */
import type { Software } from '#shared/contract/entities.ts'
import type { SoftwareFields } from '#shared/contract/requests.ts'
import { ArgumentSyntaxError, splitArguments } from '#shared/domain/argv.ts'
import type { DevicePlatform, InstallerArch } from '#shared/domain/platforms.ts'

export type Readout = {
  name: string
  version: string
  publisher: string
  platform: DevicePlatform
  arch: InstallerArch
  install_args: string
  timeout_minutes: string
  success_exit_codes: string
}
export type ReadoutErrors = Partial<Record<keyof Readout, string>>

/** The form of a library entry's first installer. */
export function toReadout(software: Software): Readout {
  const installer = software.installers[0]
  return {
    name: software.name,
    version: software.version,
    publisher: software.publisher,
    platform: installer?.platform ?? 'windows',
    arch: installer?.arch ?? 'any',
    install_args: installer?.install_args ?? '',
    timeout_minutes: String(Math.ceil((installer?.timeout_seconds ?? 3600) / 60)),
    success_exit_codes: (installer?.success_exit_codes ?? [0]).join(', '),
  }
}

/** "0, 3010" → [0, 3010]; null when a part is not a whole number. */
export function parseCodes(text: string): number[] | null {
  const parts = text.split(/[\s,;]+/).filter(Boolean)
  const codes = parts.map(Number)
  return codes.every((c) => Number.isInteger(c) && c >= -2_147_483_648 && c <= 4_294_967_295)
    ? [...new Set(codes)]
    : null
}

export function checkReadout(form: Readout): ReadoutErrors {
  const errors: ReadoutErrors = {}
  if (form.name.trim() === '') errors.name = 'Give it a name.'
  else if (form.name.trim().length > 200) errors.name = 'At most 200 characters.'
  if (form.version.trim().length > 100) errors.version = 'At most 100 characters.'
  if (form.publisher.trim().length > 200) errors.publisher = 'At most 200 characters.'
  const minutes = Number(form.timeout_minutes)
  if (!Number.isInteger(minutes) || minutes < 1 || minutes > 1_440)
    errors.timeout_minutes = 'From 1 to 1 440 minutes.'
  const codes = parseCodes(form.success_exit_codes)
  if (!codes) errors.success_exit_codes = 'Whole numbers, with commas between them.'
  else if (codes.length > 50) errors.success_exit_codes = 'At most 50.'
  try {
    splitArguments(form.install_args, form.platform)
  } catch (error) {
    if (!(error instanceof ArgumentSyntaxError)) throw error
    errors.install_args = `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`
  }
  return errors
}

export type ReadoutChanges = {
  /** Changed with a PATCH of the entry. */
  entry: { name?: string; version?: string; publisher?: string }
  /** Everything that goes with the file, when anything of the installer was corrected. */
  installer: SoftwareFields | null
}

const INSTALLER_KEYS = [
  'platform',
  'arch',
  'install_args',
  'timeout_minutes',
  'success_exit_codes',
] as const

/** What differs from the entry as it stands. */
export function changesOf(form: Readout, software: Software): ReadoutChanges {
  const before = toReadout(software)
  const entry: ReadoutChanges['entry'] = {}
  for (const key of ['name', 'version', 'publisher'] as const)
    if (form[key].trim() !== before[key]) entry[key] = form[key].trim()
  const touched = INSTALLER_KEYS.some((key) => form[key] !== before[key])
  const detection = software.installers[0]?.detection ?? null
  return {
    entry,
    installer: touched
      ? {
          name: form.name.trim(),
          version: form.version.trim(),
          platform: form.platform,
          arch: form.arch,
          install_args: form.install_args,
          timeout_seconds: Number(form.timeout_minutes) * 60,
          success_exit_codes: parseCodes(form.success_exit_codes) ?? [],
          ...(detection ? { detection } : {}),
        }
      : null,
  }
}
