/** RPM packages: lead, signature header, header (rpm's own docs, format_v4 and "RPM Tags"). */
import { createHash } from 'node:crypto'
import type { Detection } from '#shared/contract/detection.ts'
import type { InstallerArch } from '#shared/domain/platforms.ts'
import { cleanText, unreadable, type PackageFacts } from '../facts.ts'
import { knowledgeOf, read, usual, withoutEmpty } from '../knowledge.ts'
import type { Window } from './window.ts'

const HEADER = 'its header'
const LEAD_BYTES = 96
const INTRO_BYTES = 16
const ENTRY_BYTES = 16
const HEADER_MAGIC = 0x8eade801
const ENTRY_LIMIT = 10_000
const STORE_LIMIT_BYTES = 64 * 1024 * 1024
const TYPE_INT32 = 4
const TYPE_STRING = 6
const TAGS = {
  name: 1000,
  version: 1001,
  release: 1002,
  vendor: 1011,
  packager: 1015,
  arch: 1022,
  source: 1044,
} as const
const EPOCH_TAG = 1003
/** Tags of the signature header. */
const SIGNATURE = {
  /** How many bytes follow it: the header and its payload. */
  sizes: [1000, 270],
  sha256OfHeader: 273,
  /** Signatures by OpenPGP, of the header or of everything. */
  signatures: [267, 268, 1002, 1005, 278],
} as const
const TYPE_INT64 = 5

const ARCHITECTURES: Record<string, InstallerArch> = {
  noarch: 'any',
  x86_64: 'x64',
  aarch64: 'arm64',
  i386: 'x86',
  i486: 'x86',
  i586: 'x86',
  i686: 'x86',
}

type Section = { at: number; entries: Buffer; storeAt: number; storeBytes: number; end: number }

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
  return { at: position, entries, storeAt, storeBytes, end }
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

function hasTag(section: Section, tags: readonly number[]): boolean {
  for (let at = 0; at < section.entries.length; at += ENTRY_BYTES)
    if (tags.includes(section.entries.readUInt32BE(at))) return true
  return false
}

/** How many bytes follow the signature header, as it says itself; null when it does not. */
function sizeBehind(window: Window, section: Section): number | null {
  for (let at = 0; at < section.entries.length; at += ENTRY_BYTES) {
    if (!SIGNATURE.sizes.includes(section.entries.readUInt32BE(at) as 1000)) continue
    const type = section.entries.readUInt32BE(at + 4)
    const offset = section.entries.readUInt32BE(at + 8)
    const width = type === TYPE_INT64 ? 8 : 4
    if ((type !== TYPE_INT32 && type !== TYPE_INT64) || offset + width > section.storeBytes)
      continue
    const bytes = window.read(section.storeAt + offset, width)
    return width === 8 ? Number(bytes.readBigUInt64BE(0)) : bytes.readUInt32BE(0)
  }
  return null
}

/**
 * Whether every byte is there; null when the package does not say how many it has.
 * @throws AppError E_PACKAGE_UNREADABLE when it is cut off, or its header is not the one that its digest belongs to
 */
function checkComplete(window: Window, signature: Section, header: Section): boolean | null {
  const size = sizeBehind(window, signature)
  const whole = size === null ? null : header.at + size
  if (whole !== null && whole > window.sizeBytes)
    throw unreadable(
      `it is cut off: it should have ${whole} bytes, but only ${window.sizeBytes} are there`,
    )
  const wanted = readText(window, signature, SIGNATURE.sha256OfHeader)
  if (wanted !== '') {
    const bytes = window.read(header.at, header.end - header.at)
    if (createHash('sha256').update(bytes).digest('hex') !== wanted.toLowerCase())
      throw unreadable('its header is damaged: its digest differs')
  }
  return whole === null ? null : whole === window.sizeBytes
}

/** @throws AppError E_PACKAGE_UNREADABLE with the problem */
export function readRpm(window: Window): PackageFacts {
  const signature = readSection(window, LEAD_BYTES)
  // The header starts at the next multiple of 8.
  const header = readSection(window, Math.ceil(signature.end / 8) * 8)
  if (header.end >= window.sizeBytes) throw unreadable('it is cut off after its header')
  const text = (tag: number, maxLength: number): string =>
    cleanText(readText(window, header, tag), maxLength)
  const name = text(TAGS.name, 200)
  const number = text(TAGS.version, 100)
  if (name === '' || number === '') throw unreadable('its header names no package or version')
  // As rpm itself decides.
  if (text(TAGS.source, 200) === '')
    throw unreadable('it is a source package, from which packages are built; it installs nothing')
  const complete = checkComplete(window, signature, header)
  const release = text(TAGS.release, 100)
  const archWord = text(TAGS.arch, 64)
  const epoch = readEpoch(window, header)
  const version = `${epoch ? `${epoch}:` : ''}${number}${release === '' ? '' : `-${release}`}`
  const vendor = text(TAGS.vendor, 200)
  const publisher = vendor === '' ? withoutAddress(text(TAGS.packager, 200)) : vendor
  const arch = ARCHITECTURES[archWord] ?? null
  const product = {
    type: 'rpm' as const,
    name,
    ...(/^[A-Za-z0-9_-]+$/.test(archWord) && archWord !== 'noarch' ? { arch: archWord } : {}),
    operator: 'ge' as const,
  }
  const detection = { ...product, version }
  return {
    name,
    version: version.slice(0, 100),
    publisher,
    platform: 'linux',
    arch,
    archWord,
    detection,
    knowledge: knowledgeOf('rpm', {
      complete,
      scope: 'machine',
      // Its key is in OpenPGP form and names nobody.
      signer: {
        name: '',
        state: hasTag(signature, SIGNATURE.signatures) ? 'unchecked' : 'unsigned',
      },
      facts: withoutEmpty({
        name: read(name, HEADER),
        version: read(version.slice(0, 100), HEADER),
        publisher: read(publisher, vendor === '' ? 'the packager in its header' : HEADER),
        ...(arch ? { arch: read(arch, HEADER) } : {}),
        install_args: usual('-U', 'rpm, which never asks'),
        uninstall: usual(`rpm -e ${name}`, 'rpm'),
        success_exit_codes: usual([0], 'rpm'),
        detection: read<Detection>(detection, HEADER),
        upgrade_of: read<Detection>(product, HEADER),
      }),
    }),
  }
}

/** `Ann Onym <ann@example.org>` without the address. */
function withoutAddress(text: string): string {
  const address = text.indexOf('<')
  return (address <= 0 ? text : text.slice(0, address)).trim()
}
