/**
 * Windows Installer packages: the Property table and the summary. Microsoft does not publish the format of the tables; this
 * follows existing readers (Wine's dlls/msi/{table,string}.c, msitools' libmsi).
 */
import type { InstallerArch } from '#shared/domain/platforms.ts'
import { cleanText, unreadable, type PackageFacts } from '../facts.ts'
import { openCompound, type Compound } from './compound.ts'
import { msiKnowledge } from './msi-scope.ts'
import type { Window } from './window.ts'

const POOL_LIMIT_BYTES = 4 * 1024 * 1024
const STRINGS_LIMIT_BYTES = 32 * 1024 * 1024
const TABLE_LIMIT_BYTES = 1024 * 1024
const SUMMARY_LIMIT_BYTES = 64 * 1024
const NAME_ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._'
const NAME_LIMIT_BYTES = 72
const VALUE_LIMIT_BYTES = 4096
const WANTED = [
  'ProductName',
  'ProductVersion',
  'ProductCode',
  'Manufacturer',
  'ALLUSERS',
  'MSIINSTALLPERUSER',
] as const
const TEMPLATE = 7
const WORD_COUNT = 15
const TYPE_INT32 = 3
const TYPE_TEXT = 30
const PRODUCT_CODE = /^\{[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}$/

/** Windows code pages by their names in the Encoding Standard. */
const ENCODINGS: Readonly<Record<number, string>> = {
  874: 'windows-874',
  932: 'shift_jis',
  936: 'gbk',
  949: 'euc-kr',
  950: 'big5',
  65001: 'utf-8',
}
const encodingOf = (codePage: number): string =>
  ENCODINGS[codePage] ??
  (codePage >= 1250 && codePage <= 1258 ? `windows-${codePage}` : 'windows-1252')

/** Decodes names of streams: two characters of a small alphabet share one UTF-16 unit; `!` marks a table. */
export function decodeStreamName(name: string): string {
  let text = ''
  for (const unit of name) {
    const code = unit.codePointAt(0)!
    if (code === 0x4840) text += '!'
    else if (code >= 0x4800 && code < 0x4840) text += NAME_ALPHABET[code - 0x4800]
    else if (code >= 0x3800 && code < 0x4800) {
      const both = code - 0x3800
      text += NAME_ALPHABET[both & 0x3f]! + NAME_ALPHABET[both >> 6]!
    } else text += unit
  }
  return text
}

function streamOrThrow(file: Compound, name: string, limitBytes: number): Buffer {
  const found = file.streams.find((stream) => decodeStreamName(stream.name) === name)
  if (!found) throw unreadable(`its table ${name.slice(1)} is missing`)
  return file.read(found, limitBytes)
}

type Strings = {
  /** At most `limitBytes` of it, because a table may refer to one long string in each of its rows. */
  at: (index: number, limitBytes: number) => string
  sizeBytes: (index: number) => number
  referenceBytes: 2 | 3
}

/** The pool has the length of each string; the data has the strings one after another. */
function readStrings(pool: Buffer, data: Buffer): Strings {
  if (pool.length < 4) throw unreadable('its table of strings is damaged')
  const head = pool.readUInt32LE(0)
  const decoder = new TextDecoder(encodingOf(head & 0xffff))
  const ends = new Float64Array(Math.floor(pool.length / 4) + 1)
  let count = 1
  let end = 0
  for (let at = 4; at + 4 <= pool.length; at += 4) {
    let length = pool.readUInt16LE(at)
    const references = pool.readUInt16LE(at + 2)
    if (length === 0 && references !== 0 && at + 8 <= pool.length) {
      // Longer than 64 KiB: the length is in the next entry, as two halves.
      at += 4
      length = pool.readUInt16LE(at + 2) * 0x10000 + pool.readUInt16LE(at)
    }
    end += length
    ends[count++] = end
  }
  const from = (index: number): number => ends[index - 1] ?? 0
  const to = (index: number): number => (index > 0 && index < count ? ends[index]! : from(index))
  return {
    at: (index, limitBytes) =>
      decoder.decode(data.subarray(from(index), Math.min(to(index), from(index) + limitBytes))),
    sizeBytes: (index) => to(index) - from(index),
    referenceBytes: head & 0x80000000 ? 3 : 2,
  }
}

/** The wanted rows of two string columns, stored one column after the other. */
function readProperties(
  table: Buffer,
  strings: Strings,
  wanted: readonly string[],
): Map<string, string> {
  const width = strings.referenceBytes
  const rows = Math.floor(table.length / (2 * width))
  const properties = new Map<string, string>()
  for (let row = 0; row < rows; row++) {
    const reference = (column: number): number =>
      table.readUIntLE((column * rows + row) * width, width)
    const name = reference(0)
    const nameBytes = strings.sizeBytes(name)
    if (!wanted.some(({ length }) => length === nameBytes)) continue
    const text = strings.at(name, NAME_LIMIT_BYTES)
    if (wanted.includes(text) && !properties.has(text))
      properties.set(text, strings.at(reference(1), VALUE_LIMIT_BYTES))
  }
  return properties
}

/** The offset of a summary property ([MS-OLEPS]): its type, then its value. Null when it is missing. */
function summaryAt(summary: Buffer, property: number): number | null {
  if (summary.length < 48) return null
  const section = summary.readUInt32LE(44)
  if (section + 8 > summary.length) return null
  const count = Math.min(summary.readUInt32LE(section + 4), 64)
  for (let i = 0; i < count; i++) {
    const entry = section + 8 + 8 * i
    if (entry + 8 > summary.length) return null
    if (summary.readUInt32LE(entry) === property) return section + summary.readUInt32LE(entry + 4)
  }
  return null
}

/** `x64;1033`: the processors it is made for; empty when missing. */
function templateOf(summary: Buffer): string {
  const at = summaryAt(summary, TEMPLATE)
  if (at === null || at + 8 > summary.length || summary.readUInt32LE(at) !== TYPE_TEXT) return ''
  const bytes = summary.subarray(at + 8, at + 8 + Math.min(summary.readUInt32LE(at + 4), 256))
  return bytes.toString('latin1').split('\0', 1)[0]!
}

/** Flags about the source and the rights that the package needs; null when missing. */
function wordCountOf(summary: Buffer): number | null {
  const at = summaryAt(summary, WORD_COUNT)
  const isPresent = at !== null && at + 8 <= summary.length
  return isPresent && summary.readUInt32LE(at) === TYPE_INT32 ? summary.readInt32LE(at + 4) : null
}

/** A 32-bit package runs on every Windows. */
function archOf(word: string): InstallerArch | null {
  switch (word.toLowerCase()) {
    case 'x64':
    case 'amd64':
      return 'x64'
    case 'arm64':
      return 'arm64'
    case 'intel64':
      return null
    default:
      return 'any'
  }
}

/** @throws AppError E_PACKAGE_UNREADABLE with the problem */
export function readMsi(window: Window): PackageFacts {
  const file = openCompound(window)
  const strings = readStrings(
    streamOrThrow(file, '!_StringPool', POOL_LIMIT_BYTES),
    streamOrThrow(file, '!_StringData', STRINGS_LIMIT_BYTES),
  )
  const table = streamOrThrow(file, '!Property', TABLE_LIMIT_BYTES)
  const properties = readProperties(table, strings, WANTED)
  const text = (name: string, maxLength: number): string =>
    cleanText(properties.get(name) ?? '', maxLength)
  const productCode = text('ProductCode', 64)
  const name = text('ProductName', 200)
  if (name === '' || !PRODUCT_CODE.test(productCode))
    throw unreadable('its table Property names no product')
  const summary = file.streams.find((stream) => stream.name === '\u0005SummaryInformation')
  const summaryBytes = summary ? file.read(summary, SUMMARY_LIMIT_BYTES) : Buffer.alloc(0)
  const template = templateOf(summaryBytes)
  const archWord = cleanText(template.split(';')[0]!.split(',')[0]!, 64)
  const version = text('ProductVersion', 100)
  return {
    name,
    version,
    publisher: text('Manufacturer', 200),
    platform: 'windows',
    arch: archOf(archWord),
    archWord,
    knowledge: msiKnowledge(properties, wordCountOf(summaryBytes)),
    detection: {
      type: 'msi_product',
      product_code: productCode,
      // A small update keeps the product code.
      ...(/^\d+(?:\.\d+){1,3}$/.test(version) ? { version, operator: 'ge' as const } : {}),
    },
  }
}
