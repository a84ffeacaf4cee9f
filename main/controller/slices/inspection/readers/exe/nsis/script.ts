/**
 * The tables of an NSIS script: entries, sections, strings, language tables (NSIS, Source/exehead/fileform.h). Every number may be
 * anything; what lies outside of the script is empty.
 */

const BLOCKS = 8
const ENTRY_BYTES = 28
const LANGUAGE_BYTES_OF_HEAD = 10
const ENGLISH = 1033
const STRING_LIMIT_UNITS = 8 * 1024
/** Entries that are kept. The largest scripts have some ten thousand. */
const ENTRY_LIMIT = 200_000
const SECTION_LIMIT = 2_000
/** Positions among the numbers after the blocks, four bytes each. */
const LANGUAGE_TABLE_BYTES = 8
const CALLBACKS = 10
const INSTALL_DIR_NSIS3 = 53
const INSTALL_DIR_NSIS2 = 47

export type Entry = readonly [
  opcode: number,
  a: number,
  b: number,
  c: number,
  d: number,
  e: number,
  f: number,
]
/** A piece of a string: text, or what is put in when the script runs. */
export type Piece =
  | string
  | { variable: number }
  | { language: number }
  | { folder: readonly [user: number, all: number] }

export type Script = {
  flags: number
  is64Bit: boolean
  entries: readonly Entry[]
  /** First entry of each section that is selected when nobody chooses. */
  sections: readonly number[]
  /** Indexes of entries; -1: none. */
  onInit: number
  onSuccess: number
  installDir: readonly Piece[]
  string: (position: number) => readonly Piece[]
  /** The position of a string of the language table. */
  languageString: (index: number) => number
  /** Whether a string holds this text as it is. */
  holds: (text: string) => boolean
}

type Codes = { language: number; folder: number; variable: number; escape: number }
const NSIS3: Codes = { language: 1, folder: 2, variable: 3, escape: 4 }
const NSIS2: Codes = { language: 255, folder: 254, variable: 253, escape: 252 }

/** NSIS 2 marks what it puts in with the highest bytes, NSIS 3 with the lowest, which no text contains. */
function isOfNsis2(strings: Buffer): boolean {
  let balance = 0
  for (const byte of strings)
    if (byte >= 252) balance++
    else if (byte >= 1 && byte <= 4) balance--
  return balance > 0
}

/** @returns null when its tables are damaged */
export function readScript(bytes: Buffer): Script | null {
  const u32 = (at: number): number =>
    at >= 0 && at + 4 <= bytes.length ? bytes.readUInt32LE(at) : 0
  const i32 = (at: number): number =>
    at >= 0 && at + 4 <= bytes.length ? bytes.readInt32LE(at) : 0
  // Offsets of eight bytes have zeros in their upper half, and a small count follows. The first block may be empty.
  const is64Bit = u32(8) === 0 && u32(12) < u32(4)
  const blockBytes = is64Bit ? 12 : 8
  const block = (index: number) => ({
    at: u32(4 + blockBytes * index),
    count: u32(4 + blockBytes * index + (is64Bit ? 8 : 4)),
  })
  const restAt = 4 + BLOCKS * blockBytes
  const [, sectionBlock, entryBlock, stringBlock, languageBlock] = [0, 1, 2, 3, 4].map(block)
  const headerBytes = block(0).at
  if (!entryBlock || entryBlock.at >= bytes.length || stringBlock!.at >= bytes.length) return null
  const isUnicode = bytes[stringBlock!.at] === 0 && bytes[stringBlock!.at + 1] === 0
  const stringsEnd = languageBlock!.at > stringBlock!.at ? languageBlock!.at : bytes.length
  const strings = bytes.subarray(stringBlock!.at, Math.min(stringsEnd, bytes.length))
  const codes = !isUnicode && isOfNsis2(strings) ? NSIS2 : NSIS3
  const isShort = headerBytes < (is64Bit ? 300 + 8 * 4 : 300)

  const entries: Entry[] = []
  const entryCount = Math.min(entryBlock.count, ENTRY_LIMIT)
  for (let i = 0; i < entryCount; i++) {
    const at = entryBlock.at + ENTRY_BYTES * i
    if (at + ENTRY_BYTES > bytes.length) break
    entries.push([
      u32(at),
      i32(at + 4),
      i32(at + 8),
      i32(at + 12),
      i32(at + 16),
      i32(at + 20),
      i32(at + 24),
    ])
  }
  const sections: number[] = []
  const sectionCount = Math.min(sectionBlock!.count, SECTION_LIMIT)
  const sectionBytes =
    sectionCount === 0 ? 0 : Math.floor((entryBlock.at - sectionBlock!.at) / sectionBlock!.count)
  for (let i = 0; i < sectionCount && sectionBytes >= 24; i++) {
    const at = sectionBlock!.at + sectionBytes * i
    const isSelected = (u32(at + 8) & 1) !== 0
    if (isSelected && u32(at + 16) > 0) sections.push(u32(at + 12))
  }
  const languageBytes = u32(restAt + 4 * LANGUAGE_TABLE_BYTES)
  const languages = Array.from(
    { length: Math.min(languageBlock!.count, 100) },
    (_none, i) => languageBlock!.at + languageBytes * i,
  )
  const languageAt =
    languages.find((at) => at + 2 <= bytes.length && bytes.readUInt16LE(at) === ENGLISH) ??
    languages[0] ??
    0
  const headOfLanguage = LANGUAGE_BYTES_OF_HEAD + (is64Bit ? 4 : 0)

  function pieces(position: number): Piece[] {
    if (position < 0) return [{ language: -position - 1 }]
    const found: Piece[] = []
    const width = isUnicode ? 2 : 1
    let text = ''
    let at = position * width
    const unit = (): number => {
      const value =
        at + width > strings.length ? 0 : isUnicode ? strings.readUInt16LE(at) : strings[at]!
      at += width
      return value
    }
    if (at >= strings.length) return found
    for (let i = 0; i < STRING_LIMIT_UNITS; i++) {
      const code = unit()
      if (code === 0) break
      const isCode = code === codes.language || code === codes.folder || code === codes.variable
      if (!isCode) {
        text += isUnicode
          ? String.fromCharCode(code === codes.escape ? unit() : code)
          : WINDOWS_1252[code === codes.escape ? unit() : code]!
        continue
      }
      const both = isUnicode ? unit() : unit() | (unit() << 8)
      const [low, high] = [both & 0xff, both >> 8]
      if (text !== '') found.push(text)
      text = ''
      const number = (low & 0x7f) | ((high & 0x7f) << 7)
      found.push(
        code === codes.folder
          ? { folder: [low, high] }
          : code === codes.variable
            ? { variable: number }
            : { language: number },
      )
    }
    if (text !== '') found.push(text)
    return found
  }
  const callback = (index: number): number => i32(restAt + 4 * (CALLBACKS + index))
  return {
    flags: u32(0),
    is64Bit,
    entries,
    sections,
    onInit: callback(0),
    onSuccess: callback(1),
    installDir: pieces(i32(restAt + 4 * (isShort ? INSTALL_DIR_NSIS2 : INSTALL_DIR_NSIS3))),
    string: pieces,
    languageString: (index) => i32(languageAt + headOfLanguage + 4 * index),
    holds: (text) => strings.includes(Buffer.from(text, isUnicode ? 'utf16le' : 'latin1')),
  }
}

/** The character of each byte. */
const WINDOWS_1252 = [
  ...new TextDecoder('windows-1252').decode(Uint8Array.from({ length: 256 }, (_none, i) => i)),
]
