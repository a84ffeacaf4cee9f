/** RPM packages: lead, signature header, header (rpm's own docs, format_v4: tags 1000 name, 1001 version, 1002 release, 1003 epoch, 1011 vendor, 1022 arch). */
import type { InstallerArch } from '#shared/domain/platforms.ts'
import { cleanText, unreadable, type PackageFacts } from '../facts.ts'
import type { Window } from './window.ts'

const LEAD_BYTES = 96
const INTRO_BYTES = 16
const ENTRY_BYTES = 16
const HEADER_MAGIC = 0x8eade801
const ENTRY_LIMIT = 10_000
const STORE_LIMIT_BYTES = 64 * 1024 * 1024
const TYPE_INT32 = 4
const TYPE_STRING = 6
const TAGS = { name: 1000, version: 1001, release: 1002, vendor: 1011, arch: 1022 } as const
const EPOCH_TAG = 1003

const ARCHITECTURES: Record<string, InstallerArch> = {
  noarch: 'any',
  x86_64: 'x64',
  aarch64: 'arm64',
  i386: 'x86',
  i486: 'x86',
  i586: 'x86',
  i686: 'x86',
}

type Section = { entries: Buffer; storeAt: number; storeBytes: number; end: number }

function readSection(window: Window, position: number): Section {
  const intro = window.read(position, INTRO_BYTES)
  if (intro.length < INTRO_BYTES || intro.readUInt32BE(0) !== HEADER_MAGIC)
    throw unreadable('its header is damaged or cut off')
  const count = intro.readUInt32BE(8)
  const storeBytes = intro.readUInt32BE(12)
  if (count > ENTRY_LIMIT || storeBytes > STORE_LIMIT_BYTES)
    throw unreadable('its header is larger than any real one')
  const storeAt = position + INTRO_BYTES + count * ENTRY_BYTES
  const end = storeAt + storeBytes
  if (end > window.sizeBytes) throw unreadable('it is cut off within its header')
  const entries = window.read(position + INTRO_BYTES, count * ENTRY_BYTES)
  return { entries, storeAt, storeBytes, end }
}

function readText(window: Window, section: Section, tag: number): string {
  for (let at = 0; at < section.entries.length; at += ENTRY_BYTES) {
    if (section.entries.readUInt32BE(at) !== tag) continue
    if (section.entries.readUInt32BE(at + 4) !== TYPE_STRING) return ''
    const offset = section.entries.readUInt32BE(at + 8)
    if (offset >= section.storeBytes) return ''
    const bytes = window.read(section.storeAt + offset, Math.min(1024, section.storeBytes - offset))
    const end = bytes.indexOf(0)
    return bytes.subarray(0, end < 0 ? bytes.length : end).toString('utf8')
  }
  return ''
}

/** The epoch, which takes precedence over the version; null when the package has none. */
function readEpoch(window: Window, section: Section): number | null {
  for (let at = 0; at < section.entries.length; at += ENTRY_BYTES) {
    if (section.entries.readUInt32BE(at) !== EPOCH_TAG) continue
    const offset = section.entries.readUInt32BE(at + 8)
    const isNumber = section.entries.readUInt32BE(at + 4) === TYPE_INT32
    if (!isNumber || offset + 4 > section.storeBytes)
      throw unreadable('its header names an epoch that is not a number')
    return window.read(section.storeAt + offset, 4).readUInt32BE(0)
  }
  return null
}

/** @throws AppError E_PACKAGE_UNREADABLE with the problem */
export function readRpm(window: Window): PackageFacts {
  const signature = readSection(window, LEAD_BYTES)
  // The header starts at the next multiple of 8.
  const header = readSection(window, Math.ceil(signature.end / 8) * 8)
  if (header.end >= window.sizeBytes) throw unreadable('it is cut off behind its header')
  const name = cleanText(readText(window, header, TAGS.name), 200)
  const version = cleanText(readText(window, header, TAGS.version), 100)
  if (name === '' || version === '') throw unreadable('its header names no package or version')
  const release = cleanText(readText(window, header, TAGS.release), 100)
  const archWord = cleanText(readText(window, header, TAGS.arch), 64)
  const epoch = readEpoch(window, header)
  const whole = `${epoch ? `${epoch}:` : ''}${version}${release === '' ? '' : `-${release}`}`
  return {
    name,
    version: whole.slice(0, 100),
    publisher: cleanText(readText(window, header, TAGS.vendor), 200),
    platform: 'linux',
    arch: ARCHITECTURES[archWord] ?? null,
    archWord,
    detection: {
      type: 'rpm',
      name,
      ...(/^[A-Za-z0-9_-]+$/.test(archWord) && archWord !== 'noarch' ? { arch: archWord } : {}),
      version: whole,
      operator: 'ge',
    },
  }
}
