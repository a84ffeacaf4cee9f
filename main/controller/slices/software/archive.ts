/** Which file of an archive to run: as the user says, otherwise as its content shows; never guessed when there is a choice. */
import type { InstallerArchive, SoftwareFields } from '#shared/contract/rest/software.ts'
import { AppError, type ErrorDetail } from '#shared/contract/errors.ts'
import {
  isArchiveKind,
  kindOfEntry,
  nearestPaths,
  proposedEntry,
  proposedPlatform,
} from '#shared/domain/archives.ts'
import type { DevicePlatform, InstallerKind } from '#shared/domain/platforms.ts'
import { unreadable, type ArchiveFacts } from '../inspection/index.ts'

type GivenFields = Pick<SoftwareFields, 'platform' | 'entry' | 'uninstall_entry'>

const PLATFORM_NAMES: Record<DevicePlatform, string> = {
  windows: 'Windows',
  linux: 'Linux',
  macos: 'macOS',
}
/** How many choices an error names. */
const NAMED = 5
const CHOICE_DETAILS = 50

const invalid = (path: string, message: string, details: ErrorDetail[] = []): AppError =>
  new AppError('E_VALIDATION', `The archive: ${message}.`, [{ path, message }, ...details])

/** The console offers these choices, so that the file can be sent again with one of them. */
const asDetails = (choices: readonly string[]): ErrorDetail[] =>
  choices.slice(0, CHOICE_DETAILS).map((message, i) => ({ path: `/entry/choices/${i}`, message }))

type Known = { exists: (path: string) => boolean; nearest: (path: string) => string[] }

function checkEntry(field: string, entry: string, platform: DevicePlatform, known: Known) {
  if (!known.exists(entry))
    throw invalid(
      `/${field}`,
      `it contains no file ${JSON.stringify(entry)}; the most similar are ${known.nearest(entry).join(', ')}`,
    )
  checkRuns(field, entry, platform)
}
/** Programs and scripts can remove software; a package file only installs it. */
const REMOVING: readonly InstallerKind[] = ['msi', 'exe', 'ps1', 'cmd', 'sh']

function checkRuns(field: string, entry: string, platform: DevicePlatform): void {
  const kind = kindOfEntry(entry, platform)
  if (kind === null)
    throw invalid(`/${field}`, `${JSON.stringify(entry)} does not run on ${platform}`)
  if (field === 'uninstall_entry' && !REMOVING.includes(kind))
    throw invalid(
      `/${field}`,
      `${JSON.stringify(entry)} is a package, which does not remove software`,
    )
}

/**
 * @throws AppError E_VALIDATION when platform or entry cannot be determined (with the choices) or are wrong, E_PACKAGE_UNREADABLE
 * when the platform cannot extract it
 */
export function archiveOf(
  facts: ArchiveFacts,
  fields: GivenFields,
): { platform: DevicePlatform; archive: InstallerArchive } {
  const { choices } = facts
  const known: Known = {
    exists: (path) =>
      choices.includes(path) || facts.asked.some((one) => one.path === path && one.exists),
    nearest: (path) => facts.asked.find((one) => one.path === path)?.nearest ?? [],
  }
  const platform = fields.platform ?? proposedPlatform(choices)
  if (platform === null)
    throw invalid('/platform', 'its platform cannot be determined; choose one', asDetails(choices))
  const problem = facts.problems[platform]
  if (problem !== undefined)
    throw unreadable(`${problem}, so ${PLATFORM_NAMES[platform]} cannot extract it`)
  const entry = fields.entry ?? proposedEntry(choices, platform)
  if (entry === null)
    throw invalid(
      '/entry',
      choices.length === 0
        ? 'it contains no file that is known to run; name the file to run'
        : `the file to run cannot be determined; choose one, for example ${choices.slice(0, NAMED).join(', ')}`,
      asDetails(choices),
    )
  checkEntry('entry', entry, platform, known)
  const uninstall_entry = fields.uninstall_entry ?? null
  if (uninstall_entry !== null) checkEntry('uninstall_entry', uninstall_entry, platform, known)
  const chosen = [entry, ...(uninstall_entry === null ? [] : [uninstall_entry])]
  return {
    platform,
    archive: {
      entry,
      uninstall_entry,
      expanded_bytes: facts.expandedBytes,
      choices: [...new Set([...choices, ...chosen])],
    },
  }
}

/** @throws AppError E_VALIDATION when files in an archive are named for something that is not an archive */
export function checkNoEntries(fields: GivenFields): void {
  for (const field of ['entry', 'uninstall_entry'] as const)
    if (fields[field] !== undefined && fields[field] !== null)
      throw new AppError('E_VALIDATION', 'Only an archive has files in it that can be named.', [
        { path: `/${field}`, message: 'is for archives only' },
      ])
}

/** A correction without the fields of archives. */
export const withoutEntries = <T extends object>(change: T): Omit<T, 'entry' | 'uninstall_entry'> =>
  Object.fromEntries(
    Object.entries(change).filter(([key]) => key !== 'entry' && key !== 'uninstall_entry'),
  ) as Omit<T, 'entry' | 'uninstall_entry'>

/**
 * How a correction changes an installer's archive. Its file is not read again: the possible choices were stored at the upload.
 * @throws AppError E_VALIDATION
 */
export function correctedArchive(
  before: { kind: InstallerKind; platform: DevicePlatform; archive: InstallerArchive | null },
  change: GivenFields,
): { archive?: InstallerArchive } {
  if (!isArchiveKind(before.kind) || before.archive === null) {
    checkNoEntries(change)
    return {}
  }
  const { entry, uninstall_entry } = change
  if (entry === undefined && uninstall_entry === undefined && change.platform === undefined)
    return {}
  const platform = change.platform ?? before.platform
  const { choices } = before.archive
  const known: Known = {
    exists: (path) => choices.includes(path),
    nearest: (path) => nearestPaths(path, choices),
  }
  const archive = {
    ...before.archive,
    ...(entry === undefined ? {} : { entry }),
    ...(uninstall_entry === undefined ? {} : { uninstall_entry }),
  }
  checkEntry('entry', archive.entry, platform, known)
  if (archive.uninstall_entry !== null)
    checkEntry('uninstall_entry', archive.uninstall_entry, platform, known)
  return { archive }
}
