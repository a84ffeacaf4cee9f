/** RPM packages: lead, signature header, header (rpm's own docs, format_v4: tags 1000 name, 1001 version, 1002 release, 1003 epoch, 1011 vendor, 1022 arch). */
import type { FileHandle } from 'node:fs/promises'
import type { InstallerArch } from '#shared/domain/platforms.ts'
import { cleanText, unreadable, type PackageFacts } from './facts.ts'
import { readAt } from './window.ts'

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

async function readSection(
  handle: FileHandle,
  position: number,
  fileBytes: number,
): Promise<Section> {
  const intro = await readAt(handle, position, INTRO_BYTES)
  if (intro.length < INTRO_BYTES || intro.readUInt32BE(0) !== HEADER_MAGIC)
    throw unreadable('its header is damaged or cut off')
  const count = intro.readUInt32BE(8)
  const storeBytes = intro.readUInt32BE(12)
  if (count > ENTRY_LIMIT || storeBytes > STORE_LIMIT_BYTES)
    throw unreadable('its header is larger than any real one')
  const storeAt = position + INTRO_BYTES + count * ENTRY_BYTES
  const end = storeAt + storeBytes
  if (end > fileBytes) throw unreadable('it is cut off within its header')
  const entries = await readAt(handle, position + INTRO_BYTES, count * ENTRY_BYTES)
  return { entries, storeAt, storeBytes, end }
}

async function readText(handle: FileHandle, section: Section, tag: number): Promise<string> {
  for (let at = 0; at < section.entries.length; at += ENTRY_BYTES) {
    if (section.entries.readUInt32BE(at) !== tag) continue
    if (section.entries.readUInt32BE(at + 4) !== TYPE_STRING) return ''
    const offset = section.entries.readUInt32BE(at + 8)
    if (offset >= section.storeBytes) return ''
    const bytes = await readAt(
      handle,
      section.storeAt + offset,
      Math.min(1024, section.storeBytes - offset),
    )
    const end = bytes.indexOf(0)
    return bytes.subarray(0, end < 0 ? bytes.length : end).toString('utf8')
  }
  return ''
}

/** The epoch, which counts before the version; null where the package has none. */
async function readEpoch(handle: FileHandle, section: Section): Promise<number | null> {
  for (let at = 0; at < section.entries.length; at += ENTRY_BYTES) {
    if (section.entries.readUInt32BE(at) !== EPOCH_TAG) continue
    const offset = section.entries.readUInt32BE(at + 8)
    const isNumber = section.entries.readUInt32BE(at + 4) === TYPE_INT32
    if (!isNumber || offset + 4 > section.storeBytes)
      throw unreadable('its header names an epoch that is no number')
    return (await readAt(handle, section.storeAt + offset, 4)).readUInt32BE(0)
  }
  return null
}

/** @throws AppError E_PACKAGE_UNREADABLE with what is wrong */
export async function readRpm(handle: FileHandle, fileBytes: number): Promise<PackageFacts> {
  const signature = await readSection(handle, LEAD_BYTES, fileBytes)
  // The header begins at the next multiple of 8.
  const header = await readSection(handle, Math.ceil(signature.end / 8) * 8, fileBytes)
  if (header.end >= fileBytes) throw unreadable('it is cut off behind its header')
  const name = cleanText(await readText(handle, header, TAGS.name), 200)
  const version = cleanText(await readText(handle, header, TAGS.version), 100)
  if (name === '' || version === '') throw unreadable('its header names no package or version')
  const release = cleanText(await readText(handle, header, TAGS.release), 100)
  const archWord = cleanText(await readText(handle, header, TAGS.arch), 64)
  const epoch = await readEpoch(handle, header)
  const whole = `${epoch ? `${epoch}:` : ''}${version}${release === '' ? '' : `-${release}`}`
  return {
    name,
    version: whole.slice(0, 100),
    publisher: cleanText(await readText(handle, header, TAGS.vendor), 200),
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
