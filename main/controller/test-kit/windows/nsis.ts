/** NSIS installers for tests: a script of a few instructions after a program that does not run. */
import { crc32, deflateRawSync } from 'node:zlib'
import { makeProgram } from '../windows-packages.ts'
import { packBzip2 } from './bzip2.ts'
import { packLzma } from './lzma.ts'

/** Texts may hold `$N`, a variable, and `${folder USER ALL}` or `${text N}` of the language table. */
export type NsisInstruction = readonly [opcode: number, ...parameters: (number | string)[]]
export const HKLM = 0x80000002
export const HKCU = 0x80000001
export const WRITE = 51
const HEAD_NUMBERS = 58
const HEADER_BYTES = 4 + 8 * 8 + 4 * HEAD_NUMBERS

export type NsisOptions = {
  instructions: NsisInstruction[]
  /** Index of the first instruction of `.onInit`; the only section starts at 0. */
  onInit?: number
  installDir?: string
  ansi?: boolean
  /** NSIS 2 has other marks in its texts. Only with `ansi`. */
  version2?: boolean
  packing?:
    | 'stored'
    | 'deflate'
    | 'lzma'
    | 'lzma-x86'
    | 'bzip2'
    | 'lzma-each'
    | 'deflate-each'
    | 'bzip2-each'
  languageTexts?: string[]
  /** Of the first header: 1 uninstaller, 2 silent. */
  flags?: number
  /** Bytes between the program and the first header. */
  gap?: number
  strings?: Record<string, string>
  machine?: number
}

function createTexts(isAnsi: boolean, version2: boolean) {
  const codes = version2
    ? { text: 255, folder: 254, variable: 253 }
    : { text: 1, folder: 2, variable: 3 }
  const units: number[] = [0]
  const code = (mark: number, both: number): number[] =>
    isAnsi ? [mark, both & 0xff, both >> 8] : [mark, both]
  const number = (value: number): number =>
    (value & 0x7f) | ((value >> 7) << 8) | (version2 ? 0x8080 : 0x8080)
  return {
    add(text: string): number {
      const at = units.length
      for (const [part] of text.matchAll(/\$\{folder \d+ \d+\}|\$\{text \d+\}|\$\d+|[^]/g)) {
        const folder = /^\$\{folder (\d+) (\d+)\}$/.exec(part)
        const language = /^\$\{text (\d+)\}$/.exec(part)
        const variable = /^\$(\d+)$/.exec(part)
        if (folder) units.push(...code(codes.folder, Number(folder[1]) | (Number(folder[2]) << 8)))
        else if (language) units.push(...code(codes.text, number(Number(language[1]))))
        else if (variable) units.push(...code(codes.variable, number(Number(variable[1]))))
        else units.push(part.charCodeAt(0))
      }
      units.push(0)
      return at
    },
    bytes: (): Buffer => {
      const bytes = Buffer.alloc(units.length * (isAnsi ? 1 : 2))
      for (const [i, unit] of units.entries())
        if (isAnsi) bytes[i] = unit
        else bytes.writeUInt16LE(unit, 2 * i)
      return bytes
    },
  }
}

/** The script as it is before it is packed. */
export function makeNsisScript(options: NsisOptions): Buffer {
  const texts = createTexts(options.ansi ?? false, options.version2 ?? false)
  const entries = options.instructions.map(([opcode, ...parameters]) => {
    const entry = Buffer.alloc(28)
    entry.writeUInt32LE(opcode)
    for (const [i, one] of parameters.entries()) {
      const value = typeof one === 'string' ? texts.add(one) : one
      entry.writeInt32LE(value | 0, 4 + 4 * i)
    }
    return entry
  })
  const language = Buffer.alloc(10 + 4 * (options.languageTexts?.length ?? 0))
  language.writeUInt16LE(1033)
  for (const [i, text] of (options.languageTexts ?? []).entries())
    language.writeInt32LE(texts.add(text), 10 + 4 * i)
  const installDir = texts.add(options.installDir ?? '')
  const section = Buffer.alloc(24 + 2048)
  section.writeUInt32LE(1, 8)
  section.writeUInt32LE(entries.length, 16)
  const head = Buffer.alloc(HEADER_BYTES)
  const blocks = [Buffer.alloc(0), section, Buffer.concat(entries), texts.bytes(), language]
  let at = HEADER_BYTES
  for (const [i, bytes] of blocks.entries()) {
    head.writeUInt32LE(at, 4 + 8 * i)
    head.writeUInt32LE([0, 1, entries.length, 0, 1][i]!, 8 + 8 * i)
    at += bytes.length
  }
  const number = (index: number, value: number) => head.writeInt32LE(value, 68 + 4 * index)
  number(8, language.length)
  for (let i = 10; i < 20; i++) number(i, -1)
  number(10, options.onInit ?? -1)
  number(53, installDir)
  return Buffer.concat([head, ...blocks])
}

const dword = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value >>> 0)
  return bytes
}
const PACK_EACH = {
  'lzma-each': packLzma,
  'bzip2-each': packBzip2,
  'deflate-each': deflateRawSync,
}
function pack(script: Buffer, packing: NsisOptions['packing']): Buffer {
  const whole = Buffer.concat([dword(script.length), script])
  switch (packing) {
    case 'deflate':
      return deflateRawSync(whole)
    case 'lzma':
      return packLzma(whole)
    case 'bzip2':
      return packBzip2(whole)
    // A byte says that a filter was used; this data has nothing that it would change.
    case 'lzma-x86':
      return Buffer.concat([Buffer.from([1]), packLzma(whole)])
    case 'lzma-each':
    case 'bzip2-each':
    case 'deflate-each': {
      const packed = PACK_EACH[packing](script)
      return Buffer.concat([dword((packed.length | 0x80000000) >>> 0), packed])
    }
    default:
      return whole
  }
}

export function makeNsisInstaller(options: NsisOptions, script = makeNsisScript(options)): Buffer {
  const body = Buffer.concat([pack(script, options.packing), dword(0)])
  const first = Buffer.alloc(28)
  first.writeUInt32LE(options.flags ?? 0)
  first.writeUInt32LE(0xdeadbeef, 4)
  first.write('NullsoftInst', 8, 'latin1')
  first.writeUInt32LE(script.length, 20)
  first.writeUInt32LE(28 + body.length, 24)
  const { machine } = options
  const program = makeProgram({
    strings: options.strings ?? {},
    manifest: 'Nullsoft.NSIS.exehead',
    ...(machine ? { machine } : {}),
  })
  const aligned = Buffer.alloc((512 - (program.length % 512)) % 512)
  const whole = Buffer.concat([program, aligned, Buffer.alloc(options.gap ?? 0), first, body])
  whole.writeUInt32LE(crc32(whole.subarray(512, -4)), whole.length - 4)
  return whole
}
