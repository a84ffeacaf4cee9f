/**
 * The strings of a Windows Installer database, and the names of its streams. Microsoft does not publish the format; this follows
 * existing readers (Wine's dlls/msi/{table,string}.c, msitools' libmsi).
 */
import { unreadable } from '../../facts.ts'

const NAME_ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._'

/** Names of Windows code pages in the Encoding Standard. */
const ENCODINGS: Readonly<Record<number, string>> = {
  874: 'windows-874',
  932: 'shift_jis',
  936: 'gbk',
  949: 'euc-kr',
  950: 'big5',
  65001: 'utf-8',
}
/** The name of an encoding for TextDecoder; windows-1252 for an unknown code page. */
export const encodingOf = (codePage: number): string =>
  ENCODINGS[codePage] ??
  (codePage >= 1250 && codePage <= 1258 ? `windows-${codePage}` : 'windows-1252')

/** Decodes the name of a stream, in which one UTF-16 unit may hold two characters of a small alphabet. `!` marks a table. */
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

export type MsiStrings = {
  /** The string, cut off after `limitBytes`, because each row of a table may refer to the same long string. Empty: no such index. */
  at: (index: number, limitBytes: number) => string
  sizeBytes: (index: number) => number
  /** Size of an index in the rows of tables. */
  referenceBytes: 2 | 3
}

/** @param pool the length of each string @param data the strings, one after another @throws AppError E_PACKAGE_UNREADABLE */
export function readStrings(pool: Buffer, data: Buffer): MsiStrings {
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
  if (end > data.length) throw unreadable('its strings are damaged or cut off')
  const from = (index: number): number => ends[index - 1] ?? 0
  const to = (index: number): number => (index > 0 && index < count ? ends[index]! : from(index))
  return {
    at: (index, limitBytes) =>
      decoder.decode(data.subarray(from(index), Math.min(to(index), from(index) + limitBytes))),
    sizeBytes: (index) => to(index) - from(index),
    referenceBytes: head & 0x80000000 ? 3 : 2,
  }
}
