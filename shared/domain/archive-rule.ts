/**
 * Which archives a platform can extract. The controller applies the rule at the upload and the agent at the extraction, entry by
 * entry in the archive's order.
 */
import type { ArchiveProblem } from './coded-texts/codes.ts'
import { ARCHIVE_ENTRY_LIMIT, isWindowsPath, linkTarget, safeArchivePath } from './archives.ts'
import { replaceMisleading } from './plain-text.ts'
import type { DevicePlatform } from './platforms.ts'

/** Files and folders, including folders that occur only in the names of others. */
const NODE_LIMIT = 2 * ARCHIVE_ENTRY_LIMIT
/** UTF-8 bytes of one component, as Linux counts them. */
const COMPONENT_LIMIT_BYTES = 255
/** Limit of a whole path on macOS, less room for the agent's own folder. */
const MACOS_PATH_LIMIT_BYTES = 800
const LINK_LIMIT = 1024

export type ArchiveItem =
  | { name: string; type: 'file' | 'folder' }
  | { name: string; type: 'link' | 'hardlink'; target: string }

/** A checked path ('' for the archive's own folder), or why the archive cannot be extracted. */
export type ArchiveVerdict =
  { path: string; problem?: never } | { path?: never; problem: ArchiveProblem }

const FOLDER = 0
const FILE = 1
const LINK = 2

/** A name from an archive, which may be made to mislead, as shown in a message. */
export const quoted = (name: string): string =>
  JSON.stringify(replaceMisleading(name.slice(0, 200)))

/** Length of the text in UTF-8 bytes. */
function utf8Bytes(text: string): number {
  let bytes = 0
  for (const character of text) {
    const code = character.codePointAt(0)!
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
  }
  return bytes
}

/** Windows compares UTF-16 units in upper case. */
function upperCase(component: string): string {
  let folded = ''
  for (const character of component) {
    const upper = character.toUpperCase()
    folded += upper.length === character.length ? upper : character
  }
  return folded
}

/** Names of the same file on a platform have the same key. */
const KEY: Record<DevicePlatform, (component: string) => string> = {
  linux: (component) => component,
  windows: upperCase,
  macos: (component) => component.normalize('NFD').toLowerCase(),
}
const NAMES: Record<DevicePlatform, string> = {
  linux: 'Linux',
  windows: 'Windows',
  macos: 'macOS',
}

function nameProblem(path: string, platform: DevicePlatform): ArchiveProblem | null {
  const values = { name: quoted(path), system: NAMES[platform] }
  if (platform === 'windows')
    return isWindowsPath(path) ? null : { problem: 'archive_name_refused', ...values }
  const isLong =
    path.split('/').some((part) => utf8Bytes(part) > COMPONENT_LIMIT_BYTES) ||
    (platform === 'macos' && utf8Bytes(path) > MACOS_PATH_LIMIT_BYTES)
  return isLong ? { problem: 'archive_name_too_long', ...values } : null
}

export function createArchiveRule(platform: DevicePlatform) {
  const keyOf = KEY[platform]
  /** Nodes by the number of their folder and their key. A flat map, so that deep paths cost no more than their parts. */
  const nodes = new Map<string, number>()
  const kinds: number[] = [FOLDER]
  let entries = 0

  const twoThings = (path: string): ArchiveVerdict => ({
    problem: { problem: 'archive_name_clash', name: quoted(path) },
  })
  const twice = (path: string): ArchiveVerdict => ({
    problem:
      platform === 'linux'
        ? { problem: 'archive_name_twice', name: quoted(path) }
        : { problem: 'archive_name_same', name: quoted(path), system: NAMES[platform] },
  })
  const tooMany: ArchiveVerdict = {
    problem: { problem: 'archive_too_many_files', limit: ARCHIVE_ENTRY_LIMIT },
  }

  function find(path: string): number | undefined {
    let node: number | undefined = 0
    for (const part of path.split('/')) {
      node = nodes.get(`${node}/${keyOf(part)}`)
      if (node === undefined) return undefined
    }
    return node
  }

  /** Adds the path to the tree. */
  function place(path: string, kind: number): ArchiveVerdict {
    const parts = path.split('/')
    let folder = 0
    for (const [i, part] of parts.entries()) {
      const isLast = i === parts.length - 1
      const key = `${folder}/${keyOf(part)}`
      const found = nodes.get(key)
      if (found === undefined) {
        if (kinds.length > NODE_LIMIT) return tooMany
        nodes.set(key, kinds.length)
        folder = kinds.length
        kinds.push(isLast ? kind : FOLDER)
        continue
      }
      const there = kinds[found]!
      if (isLast && kind !== FOLDER && there !== FOLDER) return twice(path)
      if (there !== (isLast ? kind : FOLDER)) return twoThings(parts.slice(0, i + 1).join('/'))
      folder = found
    }
    return { path }
  }

  function linkProblem(item: ArchiveItem, path: string): ArchiveProblem | null {
    const name = quoted(path)
    if (item.type === 'link') {
      if (platform === 'windows') return { problem: 'archive_links' }
      if (item.target === '' || item.target.length > LINK_LIMIT)
        return { problem: 'archive_link_target', name }
      return linkTarget(path, item.target) === null
        ? { problem: 'archive_link_outside', name }
        : null
    }
    if (item.type !== 'hardlink') return null
    const target = safeArchivePath(item.target)
    if (target === null) return { problem: 'archive_link_outside', name }
    const node = target === '' ? undefined : find(target)
    return node === undefined || kinds[node] !== FILE
      ? { problem: 'archive_hard_link', name }
      : null
  }

  return {
    add(item: ArchiveItem): ArchiveVerdict {
      if (++entries > ARCHIVE_ENTRY_LIMIT) return tooMany
      const path = safeArchivePath(item.name)
      if (path === null)
        return { problem: { problem: 'archive_name_outside', name: quoted(item.name) } }
      if (path === '')
        return item.type === 'folder' ? { path } : { problem: { problem: 'archive_name_empty' } }
      const problem = nameProblem(path, platform) ?? linkProblem(item, path)
      if (problem !== null) return { problem }
      return place(path, item.type === 'folder' ? FOLDER : item.type === 'link' ? LINK : FILE)
    },
  }
}
export type ArchiveRule = ReturnType<typeof createArchiveRule>

/** Why the platform cannot extract an archive of these items; null: it can. */
export function archiveProblem(
  items: Iterable<ArchiveItem>,
  platform: DevicePlatform,
): ArchiveProblem | null {
  const rule = createArchiveRule(platform)
  for (const item of items) {
    const { problem } = rule.add(item)
    if (problem !== undefined) return problem
  }
  return null
}
