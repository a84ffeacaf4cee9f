/**
 * The tables of an NSIS script: instructions, sections, strings, language tables (NSIS, Source/exehead/fileform.h). No number in
 * it is trusted: a position outside the script reads as 0 or as an empty string.
 */

const BLOCKS = 8
const INSTRUCTION_BYTES = 28
const LANGUAGE_HEADER_BYTES = 10
const ENGLISH = 1033
const STRING_LIMIT_UNITS = 8 * 1024
/** Far more than real scripts have. */
const INSTRUCTION_LIMIT = 200_000
const SECTION_LIMIT = 2_000
/** Indexes into the 4-byte numbers that follow the table of blocks. */
const LANGUAGE_BYTES_INDEX = 8
const CALLBACKS_INDEX = 10
const INSTALL_DIR_INDEX = 53
const SHORT_INSTALL_DIR_INDEX = 47

/** NSIS calls it an entry: an opcode with six parameters, whose meaning depends on it. */
export type Instruction = readonly [
  opcode: number,
  a: number,
  b: number,
  c: number,
  d: number,
  e: number,
  f: number,
]
/**
 * A piece of a string: literal text, or a placeholder for the value of a variable, a string of the language table, or a shell folder
 * (CSIDL of the user's folder and of the one for all users).
 */
export type Piece =
  | string
  | { variable: number }
  | { language: number }
  | { folder: readonly [user: number, all: number] }

export type Script = {
  is64Bit: boolean
  instructions: readonly Instruction[]
  /** Index of the first instruction of each section that is selected by default. */
  sections: readonly number[]
  /** Index of the first instruction of this callback; -1: none. */
  onInit: number
  onInstSuccess: number
  installDir: readonly Piece[]
  /** @param position in characters of the string block; negative: the language string with index `-position - 1` */
  string: (position: number) => readonly Piece[]
  /** The position of a language string in the string block: in English if the script has it, or else in its first language. */
  languageString: (index: number) => number
  /** Whether the string block contains this literal text. */
  containsText: (text: string) => boolean
}

type Codes = { language: number; folder: number; variable: number; escape: number }
const NSIS3: Codes = { language: 1, folder: 2, variable: 3, escape: 4 }
const NSIS2: Codes = { language: 255, folder: 254, variable: 253, escape: 252 }

/** NSIS 2 marks placeholders with the bytes 252 to 255, NSIS 3 with 1 to 4; the more frequent ones win. */
function usesNsis2Codes(strings: Buffer): boolean {
  let balance = 0
  for (const byte of strings)
    if (byte >= 252) balance++
    else if (byte >= 1 && byte <= 4) balance--
  return balance > 0
}

/** @returns null when its tables lie outside the script */
export function readScript(bytes: Buffer): Script | null {
  const u32 = (at: number): number =>
    at >= 0 && at + 4 <= bytes.length ? bytes.readUInt32LE(at) : 0
  const i32 = (at: number): number =>
    at >= 0 && at + 4 <= bytes.length ? bytes.readInt32LE(at) : 0
  // With 64-bit offsets, the number at 8 is the upper half of the first block's offset, so 0, and the one at 12 its small count. With
  // 32-bit offsets, 8 is that count, which may also be 0, but 12 is the offset of the second block, which is not smaller.
  const is64Bit = u32(8) === 0 && u32(12) < u32(4)
  const blockBytes = is64Bit ? 12 : 8
  const block = (index: number) => ({
    at: u32(4 + blockBytes * index),
    count: u32(4 + blockBytes * index + (is64Bit ? 8 : 4)),
  })
  const numbersAt = 4 + BLOCKS * blockBytes
  const [, sectionBlock, instructionBlock, stringBlock, languageBlock] = [0, 1, 2, 3, 4].map(block)
  const headerBytes = block(0).at
  if (!instructionBlock || instructionBlock.at >= bytes.length || stringBlock!.at >= bytes.length)
    return null
  // The first string is empty: in UTF-16, its end is two zeros.
  const isUnicode = bytes[stringBlock!.at] === 0 && bytes[stringBlock!.at + 1] === 0
  const stringsEnd = languageBlock!.at > stringBlock!.at ? languageBlock!.at : bytes.length
  const strings = bytes.subarray(stringBlock!.at, Math.min(stringsEnd, bytes.length))
  const codes = !isUnicode && usesNsis2Codes(strings) ? NSIS2 : NSIS3
  // NSIS 2 has fewer numbers before the installation folder.
  const isShortHeader = headerBytes < (is64Bit ? 300 + 8 * 4 : 300)

  const instructions: Instruction[] = []
  const instructionCount = Math.min(instructionBlock.count, INSTRUCTION_LIMIT)
  for (let i = 0; i < instructionCount; i++) {
    const at = instructionBlock.at + INSTRUCTION_BYTES * i
    if (at + INSTRUCTION_BYTES > bytes.length) break
    instructions.push([
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
    sectionCount === 0
      ? 0
      : Math.floor((instructionBlock.at - sectionBlock!.at) / sectionBlock!.count)
  for (let i = 0; i < sectionCount && sectionBytes >= 24; i++) {
    const at = sectionBlock!.at + sectionBytes * i
    const isSelected = (u32(at + 8) & 1) !== 0
    const [firstInstruction, count] = [u32(at + 12), u32(at + 16)]
    if (isSelected && count > 0) sections.push(firstInstruction)
  }
  const languageBytes = u32(numbersAt + 4 * LANGUAGE_BYTES_INDEX)
  const languages = Array.from(
    { length: Math.min(languageBlock!.count, 100) },
    (_none, i) => languageBlock!.at + languageBytes * i,
  )
  const languageAt =
    languages.find((at) => at + 2 <= bytes.length && bytes.readUInt16LE(at) === ENGLISH) ??
    languages[0] ??
    0
  const languageHeaderBytes = LANGUAGE_HEADER_BYTES + (is64Bit ? 4 : 0)

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
      const argument = isUnicode ? unit() : unit() | (unit() << 8)
      const [low, high] = [argument & 0xff, argument >> 8]
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
  const callback = (index: number): number => i32(numbersAt + 4 * (CALLBACKS_INDEX + index))
  return {
    is64Bit,
    instructions,
    sections,
    onInit: callback(0),
    onInstSuccess: callback(1),
    installDir: pieces(
      i32(numbersAt + 4 * (isShortHeader ? SHORT_INSTALL_DIR_INDEX : INSTALL_DIR_INDEX)),
    ),
    string: pieces,
    languageString: (index) => i32(languageAt + languageHeaderBytes + 4 * index),
    containsText: (text) => strings.includes(Buffer.from(text, isUnicode ? 'utf16le' : 'latin1')),
  }
}

/** The characters of this code page, by byte. */
const WINDOWS_1252 = [
  ...new TextDecoder('windows-1252').decode(Uint8Array.from({ length: 256 }, (_none, i) => i)),
]
