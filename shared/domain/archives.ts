/**
 * Archives with an entry command: which names may stand in one, and which of its files can be run where. Pure, because the
 * controller looks at an archive with it when it arrives and the agent when it is extracted.
 */
import { z } from 'zod'
import { ONE_PLAIN_LINE } from './plain-text.ts'
import { kindOfFileName, type DevicePlatform, type InstallerKind } from './platforms.ts'

/** Files and folders in one archive. */
export const ARCHIVE_ENTRY_LIMIT = 100_000
/** What an archive may expand to. */
export const ARCHIVE_EXPANDED_LIMIT_BYTES = 32 * 1024 ** 3
/** Files that are offered as its entry. */
export const ARCHIVE_CHOICE_LIMIT = 200
const PATH_LIMIT = 1024
const COMPONENT_LIMIT = 255

/** A path inside an archive, as `safeArchivePath` leaves it: components with `/` between them, none of which leads out of it. */
export const ArchivePath = z
  .string()
  .max(PATH_LIMIT)
  .regex(
    /^(?![A-Za-z]:)(?!(?:.*\/)?\.{1,2}(?:\/|$))[^\p{Cc}/\\]{1,255}(?:\/[^\p{Cc}/\\]{1,255})*$/u,
    'must be a path inside the archive',
  )
  .regex(ONE_PLAIN_LINE, 'must not hold marks that change the direction of text')

/** What of an archive is run. */
export const ArchiveCommand = z.object({
  entry: ArchivePath,
  /** Run instead when the software is removed. */
  uninstall_entry: ArchivePath.nullable(),
  /** Bytes of all its files together: an agent extracts no more than that. */
  expanded_bytes: z.number().int().nonnegative(),
})
export type ArchiveCommand = z.infer<typeof ArchiveCommand>

export const isArchiveKind = (kind: InstallerKind): kind is 'zip' | 'tar' =>
  kind === 'zip' || kind === 'tar'

/**
 * A name of an archive as a path that stays inside of it (`./a//b` is `a/b`, `a\b` too: Windows would take it so), '' for the
 * archive's own folder, or null when it would lead out of it or cannot be a file's name.
 */
export function safeArchivePath(name: string): string | null {
  const slashed = name.replaceAll('\\', '/')
  if (slashed.startsWith('/') || /^[A-Za-z]:/.test(slashed) || /\p{Cc}/u.test(slashed)) return null
  const parts = slashed.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.some((part) => part === '..' || part.length > COMPONENT_LIMIT)) return null
  const path = parts.join('/')
  return path.length > PATH_LIMIT ? null : path
}

/**
 * Where a link inside an archive leads, or null when that is outside, or cannot be told from its text alone: `..` is taken at
 * its beginning only, as behind a folder that is itself a link it would lead elsewhere.
 */
export function linkTarget(linkPath: string, target: string): string | null {
  const slashed = target.replaceAll('\\', '/')
  if (slashed.startsWith('/') || /^[A-Za-z]:/.test(slashed)) return null
  const parts = slashed.split('/').filter((part) => part !== '' && part !== '.')
  const folder = linkPath.split('/').slice(0, -1)
  while (parts[0] === '..') {
    if (folder.length === 0) return null
    folder.pop()
    parts.shift()
  }
  return safeArchivePath([...folder, ...parts].join('/'))
}

const DEVICE_NAME = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)/i

/** Whether Windows can have a file of this path: no device, no stream of another file, nothing that it would rename. */
export const isWindowsPath = (path: string): boolean =>
  path
    .split('/')
    .every((part) => !/[<>:"|?*]|[. ]$/.test(part) && !DEVICE_NAME.test(part) && part !== '')

const WINDOWS: readonly InstallerKind[] = ['msi', 'exe', 'ps1', 'cmd']
const LINUX: readonly InstallerKind[] = ['deb', 'rpm', 'appimage', 'sh']
const MACOS: readonly InstallerKind[] = ['pkg', 'dmg', 'sh']
const RUNS: Record<DevicePlatform, readonly InstallerKind[]> = {
  windows: WINDOWS,
  linux: LINUX,
  macos: MACOS,
}

/**
 * By the rules of which kind a file out of an archive is run on a platform; null when it is not. Where names tell nothing
 * (`install`, `setup.run`), Linux and macOS run it as a script or a program, whichever it is.
 */
export function kindOfEntry(entry: string, platform: DevicePlatform): InstallerKind | null {
  const kind = kindOfFileName(entry)
  if (kind !== null) return RUNS[platform].includes(kind) ? kind : null
  return platform === 'windows' ? null : 'sh'
}

/** By the rules of which kind an installer is run: its own, or that of the file that is run out of it. */
export function runKind(
  kind: InstallerKind,
  platform: DevicePlatform,
  entry: string | null | undefined,
): InstallerKind {
  return isArchiveKind(kind) && entry ? (kindOfEntry(entry, platform) ?? kind) : kind
}

type Candidate = { path: string; isExecutable: boolean }
const ORDER: readonly InstallerKind[] = [
  'msi',
  'exe',
  'deb',
  'rpm',
  'pkg',
  'sh',
  'cmd',
  'ps1',
  'appimage',
  'dmg',
]
const depthOf = (path: string): number => path.split('/').length

/** Files of an archive that can be run somewhere, those at its top first. */
export function archiveChoices(files: readonly Candidate[]): string[] {
  const rank = (path: string): number => {
    const kind = kindOfFileName(path)
    return kind === null ? ORDER.length : ORDER.indexOf(kind)
  }
  return files
    .filter(({ path, isExecutable }) => {
      // A person chooses by these names: one that can be misread is not offered.
      if (!ONE_PLAIN_LINE.test(path)) return false
      const kind = kindOfFileName(path)
      if (kind !== null) return !isArchiveKind(kind)
      return isExecutable && !/\.(so|dll|dylib)(\.|$)/i.test(path)
    })
    .map(({ path }) => path)
    .sort((a, b) => depthOf(a) - depthOf(b) || rank(a) - rank(b) || (a < b ? -1 : 1))
    .slice(0, ARCHIVE_CHOICE_LIMIT)
}

/** So many are named where a path is not there. */
const NEAREST = 5
/** Paths like the one that is not there: of the same name elsewhere first, then by how many characters differ behind a common start. */
export function nearestPaths(wanted: string, paths: readonly string[]): string[] {
  const nameOf = (path: string): string => path.split('/').at(-1)!.toLowerCase()
  const name = nameOf(wanted)
  const distance = (path: string): number => {
    const other = nameOf(path)
    if (other === name) return -1
    let same = 0
    while (same < Math.min(name.length, other.length) && name[same] === other[same]) same++
    return Math.max(name.length, other.length) - same
  }
  return paths
    .map((path) => ({ path, away: distance(path) }))
    .sort((a, b) => a.away - b.away)
    .slice(0, NEAREST)
    .map(({ path }) => path)
}

/** The one that can only be meant on this platform: alone in the uppermost folder that holds any. Null: a person has to say. */
export function proposedEntry(choices: readonly string[], platform: DevicePlatform): string | null {
  const usable = choices.filter((path) => kindOfEntry(path, platform) !== null)
  const top = Math.min(...usable.map(depthOf))
  const [first, second] = usable.filter((path) => depthOf(path) === top)
  return first !== undefined && second === undefined ? first : null
}

/** The platform that an archive can only be meant for, or null. Scripts for a shell count as Linux, as alone. */
export function proposedPlatform(choices: readonly string[]): DevicePlatform | null {
  const kinds = choices.flatMap((path) => kindOfFileName(path) ?? [])
  const has = (...of: InstallerKind[]) => kinds.some((kind) => of.includes(kind))
  const found: DevicePlatform[] = []
  if (has(...WINDOWS)) found.push('windows')
  if (has('deb', 'rpm', 'appimage')) found.push('linux')
  if (has('pkg', 'dmg')) found.push('macos')
  if (found.length === 0 && has('sh')) return 'linux'
  return found.length === 1 ? found[0]! : null
}
