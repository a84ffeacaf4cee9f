/** Property lists: the texts and numbers in the outermost dictionary, from XML or the binary form (CFBinaryPList.c). */
import { parseXml, elementsOf } from './xml.ts'

const ENTRY_LIMIT = 10_000

export type Plist = ReadonlyMap<string, string>

function fromXml(text: string): Plist {
  const found = new Map<string, string>()
  const dictionary = elementsOf(parseXml(text), 'dict')[0]
  let key: string | null = null
  for (const { name, text: value } of dictionary?.children ?? []) {
    if (name === 'key') key = value.trim()
    else if (key !== null) {
      if (name === 'string' || name === 'integer' || name === 'real') found.set(key, value.trim())
      key = null
    }
  }
  return found
}

function fromBinary(bytes: Buffer): Plist {
  const found = new Map<string, string>()
  if (bytes.length < 40) return found
  const end = bytes.length - 32
  const offsetBytes = bytes[end + 6]!
  const referenceBytes = bytes[end + 7]!
  const count = Number(bytes.readBigUInt64BE(end + 8))
  const top = Number(bytes.readBigUInt64BE(end + 16))
  const tableAt = Number(bytes.readBigUInt64BE(end + 24))
  const isSound =
    [1, 2, 3, 4].includes(offsetBytes) &&
    [1, 2, 3, 4].includes(referenceBytes) &&
    tableAt + count * offsetBytes <= end
  if (!isSound) return found
  const offsetOf = (index: number): number =>
    index < count ? bytes.readUIntBE(tableAt + index * offsetBytes, offsetBytes) : end
  /** The kind of an object, how many units it has, and where they begin. */
  function objectAt(index: number) {
    const at = offsetOf(index)
    if (at >= tableAt) return null
    const kind = bytes[at]! >>> 4
    const short = bytes[at]! & 15
    if (short !== 15 || kind === 1) return { kind, length: short, at: at + 1 }
    const width = 2 ** (bytes[at + 1]! & 3)
    if (at + 2 + width > tableAt || width > 4) return null
    return { kind, length: bytes.readUIntBE(at + 2, width), at: at + 2 + width }
  }
  function textAt(index: number): string | null {
    const object = objectAt(index)
    if (!object) return null
    const { kind, length, at } = object
    const unit = kind === 6 ? 2 : 1
    if ((kind !== 5 && kind !== 6) || at + unit * length > tableAt) return null
    const raw = bytes.subarray(at, at + unit * length)
    return kind === 5 ? raw.toString('latin1') : Buffer.from(raw).swap16().toString('utf16le')
  }
  const dictionary = objectAt(top)
  if (dictionary?.kind !== 13) return found
  const { length, at } = dictionary
  if (length > ENTRY_LIMIT || at + 2 * length * referenceBytes > tableAt) return found
  for (let i = 0; i < length; i++) {
    const reference = (column: number): number =>
      bytes.readUIntBE(at + (column * length + i) * referenceBytes, referenceBytes)
    const key = textAt(reference(0))
    const value = textAt(reference(1))
    if (key !== null && value !== null) found.set(key, value)
  }
  return found
}

/** Empty if the bytes are no property list. @throws AppError E_PACKAGE_UNREADABLE for damaged XML */
export const readPlist = (bytes: Buffer): Plist =>
  bytes.toString('latin1', 0, 8) === 'bplist00'
    ? fromBinary(bytes)
    : fromXml(bytes.toString('utf8'))
