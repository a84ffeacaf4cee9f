/**
 * Archives with an entry command: which names are allowed, and which files can be run on which platform. Pure: the controller uses
 * it at the upload and the agent at the extraction.
 */
import { z } from 'zod'
import { ONE_PLAIN_LINE } from './plain-text.ts'
import { kindOfFileName, type DevicePlatform, type InstallerKind } from './platforms.ts'

/** Maximum number of files and folders in one archive. */
export const ARCHIVE_ENTRY_LIMIT = 100_000
/** Maximum extracted size of an archive. */
export const ARCHIVE_EXPANDED_LIMIT_BYTES = 32 * 1024 ** 3
/** Maximum number of files offered as its entry. */
export const ARCHIVE_CHOICE_LIMIT = 200
const PATH_LIMIT = 1024
const COMPONENT_LIMIT = 255

/** A path inside an archive, as returned by `safeArchivePath`: components separated by `/`, none of which leads out of it. */
export const ArchivePath = z
  .string()
  .max(PATH_LIMIT)
  .regex(
    /^(?![A-Za-z]:)(?!(?:.*\/)?\.{1,2}(?:\/|$))[^\p{Cc}/\\]{1,255}(?:\/[^\p{Cc}/\\]{1,255})*$/u,
    'must be a path inside the archive',
  )
  .regex(ONE_PLAIN_LINE, 'must not hold marks that change the direction of text')

/** What to run in an archive. */
export const ArchiveCommand = z.object({
  entry: ArchivePath,
  /** File to run instead to remove the software. */
  uninstall_entry: ArchivePath.nullable(),
  /** Total bytes of all its files; an agent never extracts more. */
  expanded_bytes: z.number().int().nonnegative(),
})
export type ArchiveCommand = z.infer<typeof ArchiveCommand>

export const isArchiveKind = (kind: InstallerKind): kind is 'zip' | 'tar' =>
  kind === 'zip' || kind === 'tar'

/**
 * A name in an archive as a path inside it (`./a//b` and `a\b` become `a/b`, as Windows reads them); '' for the archive's own
 * folder; null if it leads out of the archive or is not a valid file name.
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
 * The target path of a link in an archive, or null if it is outside or unclear. `..` is accepted at the start only: after a
 * folder that is itself a link, it would lead elsewhere.
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

/** Whether Windows can have a file with this path: no device name, no alternate stream, no name that it would change. */
export const isWindowsPath = (path: string): boolean =>
  path
    .split('/')
    .every((part) => !/[<>:"|?*]|[. ]$/.test(part) && !DEVICE_NAME.test(part) && part !== '')

const WINDOWS: readonly InstallerKind[] = ['msi', 'msp', 'msu', 'msix', 'exe', 'ps1', 'cmd']
const LINUX: readonly InstallerKind[] = ['deb', 'rpm', 'appimage', 'sh']
const MACOS: readonly InstallerKind[] = ['pkg', 'dmg', 'sh']
const RUNS: Record<DevicePlatform, readonly InstallerKind[]> = {
  windows: WINDOWS,
  linux: LINUX,
  macos: MACOS,
}

/**
 * The installer kind by which a platform runs a file of an archive; null if it cannot. Without a known extension (`install`,
 * `setup.run`), Linux and macOS run it as a script or a program.
 */
export function kindOfEntry(entry: string, platform: DevicePlatform): InstallerKind | null {
  const kind = kindOfFileName(entry)
  if (kind !== null) return RUNS[platform].includes(kind) ? kind : null
  return platform === 'windows' ? null : 'sh'
}

/** The kind by which an installer is run: its own, or that of its entry if it is an archive. */
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
  'msp',
  'msu',
  'msix',
  'appimage',
  'dmg',
]
const depthOf = (path: string): number => path.split('/').length

/** Files of an archive that can be run on some platform, topmost first. */
export function archiveChoices(files: readonly Candidate[]): string[] {
  const rank = (path: string): number => {
    const kind = kindOfFileName(path)
    return kind === null ? ORDER.length : ORDER.indexOf(kind)
  }
  return files
    .filter(({ path, isExecutable }) => {
      // People choose by these names, so misleading ones are left out.
      if (!ONE_PLAIN_LINE.test(path)) return false
      const kind = kindOfFileName(path)
      if (kind !== null) return !isArchiveKind(kind)
      return isExecutable && !/\.(so|dll|dylib)(\.|$)/i.test(path)
    })
    .map(({ path }) => path)
    .sort((a, b) => depthOf(a) - depthOf(b) || rank(a) - rank(b) || (a < b ? -1 : 1))
    .slice(0, ARCHIVE_CHOICE_LIMIT)
}

/** Number of similar paths to suggest if a path does not exist. */
const NEAREST = 5
/** Paths similar to one that does not exist: first those with the same name, then by the number of characters after a common start. */
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
    .filter((path) => ONE_PLAIN_LINE.test(path))
    .map((path) => ({ path, away: distance(path) }))
    .sort((a, b) => a.away - b.away)
    .slice(0, NEAREST)
    .map(({ path }) => path)
}

/** The only file that this platform can run in the topmost folder with any; null: a person must choose. */
export function proposedEntry(choices: readonly string[], platform: DevicePlatform): string | null {
  const usable = choices.filter((path) => kindOfEntry(path, platform) !== null)
  const top = Math.min(...usable.map(depthOf))
  const [first, second] = usable.filter((path) => depthOf(path) === top)
  return first !== undefined && second === undefined ? first : null
}

/** The only platform that an archive can be for, or null. Shell scripts alone count as Linux. */
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
