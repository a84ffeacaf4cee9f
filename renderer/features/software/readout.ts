/** What the controller read from an installer, as an editable form. Pure. */
import type { Installer, Software, UpdateInstaller } from '#shared/contract/rest/software.ts'
import { ArgumentSyntaxError, splitArguments } from '#shared/domain/argv.ts'
import { commandPreview } from '#shared/domain/command-line.ts'
import { findSecrets } from '#shared/domain/secret-arguments.ts'
import { maskSecrets } from '#shared/domain/secret-lines.ts'
import { isArchiveKind, kindOfEntry, runKind } from '#shared/domain/archives.ts'
import type { DevicePlatform, InstallerArch, InstallerKind } from '#shared/domain/platforms.ts'

import {
  checkDetection,
  isRule,
  toDetection,
  toDetectionForm,
  type DetectionForm,
} from './detection-form.ts'
import { formatExitCode, parseExitCode } from '#shared/domain/windows-codes.ts'
import { upperFirst } from '#shared/domain/upper-first.ts'
import { PLATFORM_NAME } from '../../ui/lib/platforms.ts'
import { presentMarks } from '../../ui/lib/secret-marks.ts'
import { t } from './texts.ts'

/** The fields of one installer. */
export type InstallerForm = {
  platform: DevicePlatform
  arch: InstallerArch
  install_args: string
  /** Names of arguments marked as secret; ●●●: a stored value without a name. */
  secret_args: string[]
  timeout_minutes: string
  success_exit_codes: string
  /** Archives: the files in them that install and uninstall; '' for none. */
  entry: string
  uninstall_entry: string
} & DetectionForm
export type InstallerErrors = Partial<Record<keyof InstallerForm, string>>
/** The fields of the library entry and its first installer. */
export type Readout = { name: string; version: string; publisher: string } & InstallerForm
export type ReadoutErrors = Partial<Record<keyof Readout, string>>

export const toInstallerForm = (installer: Installer): InstallerForm => ({
  platform: installer.platform,
  arch: installer.arch,
  install_args: installer.install_args,
  secret_args: installer.secret_args,
  timeout_minutes: String(Math.ceil(installer.timeout_seconds / 60)),
  success_exit_codes: installer.success_exit_codes.map(formatExitCode).join(', '),
  entry: installer.archive?.entry ?? '',
  uninstall_entry: installer.archive?.uninstall_entry ?? '',
  ...toDetectionForm(installer.detection, installer.platform),
})

/** The form of a library entry with one installer, as created by an upload. */
export const toReadout = (software: Software, installer: Installer): Readout => ({
  name: software.name,
  version: software.version,
  publisher: software.publisher,
  ...toInstallerForm(installer),
})

/** "0, 3010, 0x80070BC2" → numbers; null if any part is not an exit code. */
export function parseCodes(text: string): number[] | null {
  const codes = text
    .split(/[\s,;]+/)
    .filter(Boolean)
    .map(parseExitCode)
  return codes.every((code) => code !== null) ? [...new Set(codes)] : null
}

/** @param kind the kind of the installer's file */
export function checkInstaller(form: InstallerForm, kind: InstallerKind): InstallerErrors {
  const errors: InstallerErrors = {}
  const minutes = Number(form.timeout_minutes)
  if (!Number.isInteger(minutes) || minutes < 1 || minutes > 1_440)
    errors.timeout_minutes = t('fields.timeoutWrong')
  const codes = parseCodes(form.success_exit_codes)
  if (!codes) errors.success_exit_codes = t('fields.exitCodesWrong')
  else if (codes.length > 50) errors.success_exit_codes = t('fields.exitCodesMany')
  try {
    splitArguments(form.install_args, form.platform, runKind(kind, form.platform, form.entry))
  } catch (error) {
    if (!(error instanceof ArgumentSyntaxError)) throw error
    errors.install_args = upperFirst(`${error.message}.`)
  }
  if (form.entry !== '' && kindOfEntry(form.entry, form.platform) === null)
    errors.entry = t('fields.entryWrong', { platform: PLATFORM_NAME[form.platform] })
  return { ...errors, ...checkDetection(form, form.platform) }
}

/** The command line that the PC will run; null if it cannot be shown. */
export function previewOf(
  form: InstallerForm,
  { kind, file_name }: Pick<Installer, 'kind' | 'file_name'>,
): string | null {
  const entry = isArchiveKind(kind) ? form.entry : ''
  try {
    return commandPreview({
      kind: runKind(kind, form.platform, entry),
      platform: form.platform,
      fileName: entry === '' ? file_name : entry.split('/').at(-1)!,
      args: maskSecrets(
        form.install_args,
        findSecrets(form.install_args, form.secret_args, form.platform).secrets,
      ),
    })
  } catch (error) {
    if (error instanceof ArgumentSyntaxError) return null
    throw error
  }
}

export function checkReadout(form: Readout, kind: InstallerKind): ReadoutErrors {
  const errors: ReadoutErrors = checkInstaller(form, kind)
  if (form.name.trim() === '') errors.name = t('fields.nameMissing')
  else if (form.name.trim().length > 200) errors.name = t('fields.nameLong')
  if (form.version.trim().length > 100) errors.version = t('fields.versionLong')
  if (form.publisher.trim().length > 200) errors.publisher = t('fields.publisherLong')
  return errors
}

/** The fields that differ from the installer; null if none do. */
export function installerChanges(
  form: InstallerForm,
  installer: Installer,
): UpdateInstaller | null {
  const before = toInstallerForm(installer)
  const changes: UpdateInstaller = {}
  if (form.platform !== before.platform) changes.platform = form.platform
  if (form.arch !== before.arch) changes.arch = form.arch
  if (form.install_args !== before.install_args) changes.install_args = form.install_args
  const marks = presentMarks(form.install_args, form.secret_args, form.platform)
  const marksBefore = presentMarks(before.install_args, before.secret_args, before.platform)
  if (JSON.stringify(marks) !== JSON.stringify(marksBefore)) changes.secret_args = marks
  if (form.timeout_minutes !== before.timeout_minutes)
    changes.timeout_seconds = Number(form.timeout_minutes) * 60
  if (form.success_exit_codes !== before.success_exit_codes)
    changes.success_exit_codes = parseCodes(form.success_exit_codes) ?? []
  if (form.entry !== before.entry) changes.entry = form.entry
  if (form.uninstall_entry !== before.uninstall_entry)
    changes.uninstall_entry = form.uninstall_entry || null
  if (isOtherRule(form, before)) changes.detection = isRule(form) ? toDetection(form) : null
  return Object.keys(changes).length > 0 ? changes : null
}

/** An incomplete rule counts as changed. */
const isOtherRule = (form: InstallerForm, before: InstallerForm): boolean =>
  !isRule(form) || JSON.stringify(toDetection(form)) !== JSON.stringify(toDetection(before))

export type EntryChanges = { name?: string; version?: string; publisher?: string }

/** The fields that differ from the entry; null if none do. */
export function entryChanges(
  form: Pick<Readout, 'name' | 'version' | 'publisher'>,
  software: Software,
): EntryChanges | null {
  const changes: EntryChanges = {}
  for (const key of ['name', 'version', 'publisher'] as const)
    if (form[key].trim() !== software[key]) changes[key] = form[key].trim()
  return Object.keys(changes).length > 0 ? changes : null
}
