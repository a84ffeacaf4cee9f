/** The summary of a Windows Installer file ([MS-OLEPS]; learn.microsoft.com/windows/win32/msi, "Summary Property Descriptions"). */
import { encodingOf } from './strings.ts'

const TYPE_INT16 = 2
const TYPE_INT32 = 3
const TYPE_TEXT = 30
const TEXT_LIMIT_BYTES = 4096
const PROPERTY_LIMIT = 64

/** Ids of the properties in a summary. */
export const SUMMARY = {
  codePage: 1,
  title: 2,
  subject: 3,
  author: 4,
  comments: 6,
  /** Of a package: its processors and languages. Of a patch: the products it changes. */
  template: 7,
  /** Of a package: its package code. Of a patch: its own code, then those it replaces. */
  revision: 9,
  wordCount: 15,
} as const

export type Summary = {
  /** Empty: not stated. */
  text: (property: number) => string
  /** Null: not stated. */
  number: (property: number) => number | null
}

/** A damaged summary has no properties. */
export function readSummary(bytes: Buffer): Summary {
  const found = new Map<number, number>()
  const section = bytes.length >= 48 ? bytes.readUInt32LE(44) : bytes.length
  if (section + 8 <= bytes.length) {
    const count = Math.min(bytes.readUInt32LE(section + 4), PROPERTY_LIMIT)
    for (let i = 0; i < count; i++) {
      const entry = section + 8 + 8 * i
      if (entry + 8 > bytes.length) break
      const at = section + bytes.readUInt32LE(entry + 4)
      if (at + 8 <= bytes.length) found.set(bytes.readUInt32LE(entry), at)
    }
  }
  function number(property: number): number | null {
    const at = found.get(property)
    if (at === undefined) return null
    switch (bytes.readUInt32LE(at)) {
      case TYPE_INT16:
        return bytes.readUInt16LE(at + 4)
      case TYPE_INT32:
        return bytes.readInt32LE(at + 4)
      default:
        return null
    }
  }
  const decoder = new TextDecoder(encodingOf(number(SUMMARY.codePage) ?? 0))
  return {
    number,
    text(property) {
      const at = found.get(property)
      if (at === undefined || bytes.readUInt32LE(at) !== TYPE_TEXT) return ''
      const length = Math.min(bytes.readUInt32LE(at + 4), TEXT_LIMIT_BYTES)
      return decoder.decode(bytes.subarray(at + 8, at + 8 + length)).split('\0', 1)[0]!
    },
  }
}
