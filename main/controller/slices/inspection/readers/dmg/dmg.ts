/** macOS disk images: which app or package is in them. */
import { AppError } from '#shared/contract/errors.ts'
import { cleanText, unreadable, type PackageFacts } from '../../facts.ts'
import { knowledgeOf, read, usual, warning, withoutEmpty } from '../../knowledge.ts'
import type { InstallerWarning } from '#shared/contract/rest/installer-knowledge.ts'
import { readPlist, type Plist } from '../plist.ts'
import type { Window } from '../window.ts'
import { openDisk, readTrailer } from './image.ts'
import { isEncrypted, openVolume } from './partitions.ts'
import { Unsupported, type Volume } from './volume.ts'

const PLIST_LIMIT_BYTES = 1024 * 1024
const HEAD_BYTES = 4096
const TRAILER_BEGIN_BYTES = 16
const WITHOUT_END = 'The end of the disk image is missing. Download it again.'

/** How long the disk is, by its own file system or partition map; null: it has none that macOS mounts. */
function diskBytes(head: Buffer, window: Window): number | null {
  if (head.length < 2048) return null
  switch (head.toString('latin1', 1024, 1026)) {
    case 'H+':
    case 'HX':
      return head.readUInt32BE(1024 + 40) * head.readUInt32BE(1024 + 44)
    case 'BD': {
      const blocks = head.readUInt16BE(1024 + 18) * head.readUInt32BE(1024 + 20)
      return blocks + 512 * head.readUInt16BE(1024 + 28)
    }
  }
  if (head.toString('latin1', 0, 2) === 'ER') return head.readUInt16BE(2) * head.readUInt32BE(4)
  if (head.toString('latin1', 512, 520) === 'EFI PART')
    return 512 * (Number(head.readBigUInt64LE(512 + 32)) + 1)
  const iso = window.read(32_768, 84)
  return iso.length === 84 && iso.toString('latin1', 1, 6) === 'CD001'
    ? 2048 * iso.readUInt32LE(80)
    : null
}

/**
 * Whether it can be a disk image: it has a trailer, or a file system that macOS mounts without one.
 * @throws AppError E_PACKAGE_UNREADABLE when a part of it is missing
 */
export function isDiskImage(head: Buffer, window: Window): boolean {
  if (isEncrypted(head) || readTrailer(window) !== null) return true
  const bytes = diskBytes(head, window)
  if (bytes !== null && bytes > window.sizeBytes)
    throw unreadable(
      `it is cut off: its disk should have ${bytes} bytes, but only ${window.sizeBytes} are there`,
    )
  return bytes !== null
}

/** Whether the beginning of a trailer follows the disk. */
function hasBegunTrailer(window: Window, diskEnd: number): boolean {
  const rest = window.read(diskEnd, Math.min(TRAILER_BEGIN_BYTES, window.sizeBytes - diskEnd))
  const text = rest.toString('latin1')
  return (
    text !== '' &&
    ['<?xml', '<plist', 'koly'].some((mark) => mark.startsWith(text.slice(0, mark.length)))
  )
}

/** A damaged list only hides the name of the app. */
function plistOrNull(bytes: Buffer): Plist | null {
  try {
    return readPlist(bytes)
  } catch (error) {
    if (error instanceof AppError && error.code === 'E_PACKAGE_UNREADABLE') return null
    throw error
  }
}

function contentsOf(
  volume: Volume,
  complete: boolean | null,
  warnings: InstallerWarning[],
): Partial<PackageFacts> {
  const entries = volume.list('')
  // As the agent chooses: a package before an app.
  const packages = entries.filter(({ name }) => /\.m?pkg$/i.test(name))
  const apps = entries.filter(({ name, isFolder }) => isFolder && /\.app$/i.test(name))
  const [app] = apps
  if (packages.length === 0 && !app)
    throw unreadable('it holds neither a package nor an app, so there is nothing to install')
  if (packages.length > 0 || !app)
    return { knowledge: knowledgeOf('dmg', { complete, scope: 'machine', warnings }) }
  const info = volume.file(`${app.name}/Contents/Info.plist`, PLIST_LIMIT_BYTES)
  const plist = info ? plistOrNull(info) : null
  const text = (key: string): string => cleanText(plist?.get(key) ?? '', 200)
  const name =
    text('CFBundleDisplayName') ||
    text('CFBundleName') ||
    cleanText(app.name.replace(/\.app$/i, ''), 200)
  const version = (text('CFBundleShortVersionString') || text('CFBundleVersion')).slice(0, 100)
  const source = `Info.plist of ${cleanText(app.name, 100)}`
  return {
    name,
    version,
    knowledge: knowledgeOf('dmg', {
      complete,
      scope: 'machine',
      warnings,
      facts: withoutEmpty({
        name: read(name, source),
        version: read(version, source),
        install_args: usual('', 'macOS: the app is copied'),
      }),
    }),
  }
}

/** @throws AppError E_PACKAGE_UNREADABLE with the problem, E_PACKAGE_LIMIT */
export function readDmg(window: Window): Partial<PackageFacts> {
  if (isEncrypted(window.read(0, 8)))
    return {
      knowledge: knowledgeOf('dmg', {
        scope: 'machine',
        warnings: [
          warning(
            'encrypted',
            'The disk image is encrypted: macOS asks for its password, which the agent cannot enter. Save it without encryption.',
          ),
        ],
      }),
    }
  const bytes = readTrailer(window) === null ? diskBytes(window.read(0, HEAD_BYTES), window) : null
  const isBegun = bytes !== null && hasBegunTrailer(window, bytes)
  const complete = bytes === null || bytes === window.sizeBytes ? true : isBegun ? false : null
  const warnings = isBegun ? [warning('truncated', WITHOUT_END)] : []
  try {
    return contentsOf(openVolume(openDisk(window)), complete, warnings)
  } catch (error) {
    if (error instanceof Unsupported) return { knowledge: knowledgeOf('dmg', { scope: 'machine' }) }
    throw error
  }
}
