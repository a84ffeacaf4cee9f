/**
 * Lists a zip or tar archive without extracting it. Refuses archives that no agent would extract: names and links that lead
 * out of it, entries that are not files, and more entries or bytes than the limits allow.
 */
import type { Header } from 'tar-stream'
import { archiveProblem, quoted, type ArchiveItem } from '#shared/domain/archive-rule.ts'
import { composeProblem } from '#shared/domain/coded-texts/compose.ts'
import {
  ARCHIVE_ENTRY_LIMIT,
  ARCHIVE_EXPANDED_LIMIT_BYTES,
  archiveChoices,
  nearestPaths,
  safeArchivePath,
} from '#shared/domain/archives.ts'
import type { DevicePlatform } from '#shared/domain/platforms.ts'
import { unreadable, type ArchiveFacts } from '../facts.ts'
import { eachTarEntry } from './tar.ts'
import type { Window } from './window.ts'
import { eachEntry } from './zip.ts'

const LINK_LIMIT_BYTES = 4096
/** Not compressed, and deflate. */
const ZIP_METHODS = [0, 8]
const UNIX_HOSTS = [3, 19]
const FILE_TYPE = 0o170000
const FOLDER = 0o040000
const LINK = 0o120000
const FILE = 0o100000
const PLATFORMS: readonly DevicePlatform[] = ['linux', 'macos', 'windows']

type Listed = ArchiveItem & { isExecutable: boolean; sizeBytes: number }

function collector(window: Window) {
  const items: Listed[] = []
  let expandedBytes = 0

  return {
    add: (item: Listed): void => {
      window.spend(2 * (item.name.length + ('target' in item ? item.target.length : 0)))
      if (items.length === ARCHIVE_ENTRY_LIMIT)
        throw unreadable(`it contains more than ${ARCHIVE_ENTRY_LIMIT} files`)
      items.push(item)
      if (item.type !== 'file') return
      expandedBytes += item.sizeBytes
      if (expandedBytes > ARCHIVE_EXPANDED_LIMIT_BYTES)
        throw unreadable(
          `it expands to more than ${ARCHIVE_EXPANDED_LIMIT_BYTES / 1024 ** 3} GiB, which is the most that is taken`,
        )
    },
    /** @param asked files that the caller asks about */
    facts(asked: readonly string[]): ArchiveFacts {
      const problems: ArchiveFacts['problems'] = {}
      for (const platform of PLATFORMS) {
        const problem = archiveProblem(items, platform)
        if (problem !== null) problems[platform] = composeProblem(problem)
      }
      if (
        problems.linux !== undefined &&
        problems.macos !== undefined &&
        problems.windows !== undefined
      )
        throw unreadable(problems.linux)
      const files = items.flatMap(({ name, type, isExecutable }) => {
        const path = type === 'file' || type === 'hardlink' ? safeArchivePath(name) : null
        return path ? [{ path, isExecutable }] : []
      })
      if (files.length === 0) throw unreadable('it contains no files')
      const paths = files.map(({ path }) => path)
      const known = new Set(paths)
      return {
        expandedBytes,
        choices: archiveChoices(files),
        problems,
        asked: asked.map((path) => {
          const exists = known.has(path)
          return { path, exists, nearest: exists ? [] : nearestPaths(path, paths) }
        }),
      }
    },
  }
}
type Collector = ReturnType<typeof collector>

async function listZip(window: Window, { add }: Collector): Promise<void> {
  await eachEntry(window, (entry, head) => {
    const { name, sizeBytes } = entry
    const mode = UNIX_HOSTS.includes(head.versionMadeBy >>> 8)
      ? head.externalFileAttributes >>> 16
      : 0
    const type = mode & FILE_TYPE
    const item = { name, sizeBytes, isExecutable: (mode & 0o111) !== 0 }
    if (name.endsWith('/') || type === FOLDER) return add({ ...item, type: 'folder' })
    if (entry.isEncrypted) throw unreadable('it is protected by a password')
    if (!ZIP_METHODS.includes(head.compressionMethod))
      throw unreadable(
        `${quoted(name)} in it is packed in a way that is not known (method ${head.compressionMethod})`,
      )
    if (type === LINK) {
      if (sizeBytes > LINK_LIMIT_BYTES) throw unreadable('a link in it is too long')
      const target = entry.unpack(LINK_LIMIT_BYTES)
      if (!target) throw unreadable(`the link ${quoted(name)} in it is damaged`)
      return add({ ...item, type: 'link', target: target.toString('utf8') })
    }
    if (type !== 0 && type !== FILE) throw unreadable(`${quoted(name)} in it is not a file`)
    add({ ...item, type: 'file' })
  })
}

function tarItem(header: Header): Listed {
  const item = {
    name: header.name,
    sizeBytes: header.size ?? 0,
    isExecutable: ((header.mode ?? 0) & 0o111) !== 0,
  }
  switch (header.type) {
    case 'file':
    case 'contiguous-file':
      return { ...item, type: 'file' }
    case 'directory':
      return { ...item, type: 'folder' }
    case 'symlink':
      return { ...item, type: 'link', target: header.linkname ?? '' }
    case 'link':
      return { ...item, sizeBytes: 0, type: 'hardlink', target: header.linkname ?? '' }
    default:
      throw unreadable(`${quoted(header.name)} in it is not a file`)
  }
}

const listTar = (window: Window, { add }: Collector): Promise<void> =>
  eachTarEntry(window, (header) => void add(tarItem(header)))

/**
 * @param asked files in it that the caller asks about
 * @throws AppError E_PACKAGE_UNREADABLE with the problem, E_PACKAGE_LIMIT
 */
export async function readArchive(
  window: Window,
  kind: 'zip' | 'tar',
  asked: readonly string[],
): Promise<ArchiveFacts> {
  const found = collector(window)
  await (kind === 'zip' ? listZip(window, found) : listTar(window, found))
  return found.facts(asked)
}
