/**
 * Decodes the output of programs whose encoding is unknown: UTF-8, UTF-16 or, on Windows, the console's code
 * page.
 */
import { execFileSync } from 'node:child_process'
import { OEM_UPPER_HALVES } from './oem-code-pages.ts'
import { systemTool } from './system-tool.ts'

/**
 * Code pages in the Encoding Standard, by its names (encoding.spec.whatwg.org). For 949, Node decodes the
 * 2,350 syllables of KS X 1001 but not the rarer ones that Microsoft added.
 */
const LABELS: Readonly<Record<number, string>> = {
  866: 'ibm866',
  874: 'windows-874',
  932: 'shift_jis',
  936: 'gbk',
  949: 'euc-kr',
  950: 'big5',
  1250: 'windows-1250',
  1251: 'windows-1251',
  1252: 'windows-1252',
  1253: 'windows-1253',
  1254: 'windows-1254',
  1255: 'windows-1255',
  1256: 'windows-1256',
  1257: 'windows-1257',
  1258: 'windows-1258',
  54936: 'gb18030',
}
/** For code pages with two-byte characters: the ranges of the first byte. No second byte is a line feed. */
const LEAD_BYTES: Readonly<Record<number, readonly (readonly [number, number])[]>> = {
  932: [
    [0x81, 0x9f],
    [0xe0, 0xfc],
  ],
  936: [[0x81, 0xfe]],
  949: [[0x81, 0xfe]],
  950: [[0x81, 0xfe]],
}
/** Only this many of the first bytes are examined. */
const SAMPLE_BYTES = 4096

/**
 * UTF-16 characters whose upper byte is not 0: one alphabet (Greek to Thai and beyond), or those of East
 * Asia.
 */
const isForeign = (unit: number): boolean =>
  (unit >= 0x100 && unit < 0x2100) || (unit >= 0x2190 && unit < 0x2600) || isEastAsian(unit)
const isEastAsian = (unit: number): boolean =>
  (unit >= 0x3000 && unit < 0xa000) || (unit >= 0xac00 && unit < 0xd7b0) || unit >= 0xff00

/**
 * Whether it can be UTF-8: no control characters except those for layout and terminals, and the null that
 * some programs insert.
 */
function isPlain(bytes: Uint8Array): boolean {
  for (const byte of bytes)
    if (byte < 0x20 && byte !== 0 && !(byte >= 0x08 && byte <= 0x0d) && byte !== 0x1b) return false
  return utf8OrNull(bytes) !== null
}

const isPrintable = (byte: number): boolean =>
  (byte >= 0x20 && byte < 0x7f) || byte === 0x09 || byte === 0x0a || byte === 0x0d
/**
 * Two adjacent letters also form an East Asian character: rare in UTF-16, the rule in all other encodings.
 */
const ASCII_PAIRS_SHARE = 0.6

/**
 * Whether it is text with one byte per character, whatever control characters and non-ASCII letters are in
 * it.
 */
function isMostlyAscii(bytes: Uint8Array): boolean {
  const pairs = Math.floor(Math.min(bytes.length, SAMPLE_BYTES) / 2)
  let ascii = 0
  let wide = 0
  for (let i = 0; i < pairs; i++) {
    const [low, high] = [bytes[2 * i]!, bytes[2 * i + 1]!]
    if (isPrintable(low) && isPrintable(high)) ascii++
    else if (high !== 0 && low !== 0) wide++
  }
  return ascii > 0 && ascii > (ascii + wide) * ASCII_PAIRS_SHARE
}

/**
 * UTF-16 (little-endian): a byte order mark; or Latin text, in which every second byte is 0; or another
 * script, recognised by its spaces and line ends.
 */
export function isUtf16(bytes: Uint8Array): boolean {
  if (bytes.length >= 2 && bytes[0] === 0xff && bytes[1] === 0xfe) return true
  const pairs = Math.floor(Math.min(bytes.length, SAMPLE_BYTES) / 2)
  let latin = 0
  let foreign = 0
  for (let i = 0; i < pairs; i++) {
    const [low, high] = [bytes[2 * i]!, bytes[2 * i + 1]!]
    if (high === 0 && low !== 0) latin++
    else if (isForeign(high * 256 + low)) foreign++
  }
  if (pairs >= 4 && latin > pairs / 2) return true
  if (latin === 0 || pairs < 3 || latin + foreign < pairs * 0.95) return false
  const sample = bytes.subarray(0, 2 * pairs)
  return !isMostlyAscii(sample) && !isPlain(sample)
}

/** Whether all of it is UTF-8, except for a character cut off at its start or end. */
function utf8OrNull(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return null
  }
}

export function decodeCodePage(bytes: Uint8Array, codePage: number): string {
  const label = LABELS[codePage]
  if (label) return new TextDecoder(label).decode(bytes)
  const upper = OEM_UPPER_HALVES[codePage]
  if (!upper) return new TextDecoder().decode(bytes)
  let text = ''
  for (const byte of bytes) text += byte < 0x80 ? String.fromCharCode(byte) : upper[byte - 0x80]!
  return text
}

/** A line of bytes of which each is, or begins, a character. */
function decodeLine(bytes: Uint8Array, codePage: number | null): string {
  const text = utf8OrNull(bytes)
  if (text !== null) return text
  return codePage === null ? new TextDecoder().decode(bytes) : decodeCodePage(bytes, codePage)
}

/** Search for a line of UTF-16 within this many bytes. */
const LINE_LIMIT_BYTES = 4096

/** After the next UTF-16 line feed, or the end of the examined range. */
function utf16LineEnd(bytes: Uint8Array, from: number): number {
  const limit = Math.min(bytes.length, from + LINE_LIMIT_BYTES)
  for (let at = from; at + 1 < limit; at += 2)
    if (bytes[at] === 0x0a && bytes[at + 1] === 0) return at + 2
  return limit
}

/** Programs that write to the same output use different encodings, so each line is decoded separately. */
function decodeLines(bytes: Uint8Array, codePage: number | null): string {
  let text = ''
  const mayBeWide = bytes.includes(0)
  for (let at = 0; at < bytes.length;) {
    const wideEnd = mayBeWide ? utf16LineEnd(bytes, at) : at
    const isWide = wideEnd > at && isUtf16(bytes.subarray(at, wideEnd))
    const feed = bytes.indexOf(0x0a, at)
    const end = isWide ? wideEnd : feed < 0 ? bytes.length : feed + 1
    const line = bytes.subarray(at, end)
    text += isWide ? new TextDecoder('utf-16le').decode(line) : decodeLine(line, codePage)
    at = end
  }
  return text
}

/**
 * @param codePage assumed for lines that are neither UTF-8 nor UTF-16; null: they are UTF-8 with errors
 * @param before the bytes right before: the rest of a UTF-16 line may not be recognisable on its own
 */
export function decodeOutput(
  bytes: Uint8Array,
  codePage: number | null,
  before: Uint8Array = new Uint8Array(),
): string {
  const goesOn = before.length >= 8 && isUtf16(before) && !isPlain(bytes) && !isMostlyAscii(bytes)
  if (isWholeUtf16(bytes) || goesOn) return new TextDecoder('utf-16le').decode(bytes)
  // If bytes were left out, it may begin in the middle of a character.
  const rest = bytes.subarray(1)
  return bytes[0] === 0 && !isUtf16(bytes) && isWholeUtf16(rest)
    ? new TextDecoder('utf-16le').decode(rest)
    : decodeLines(bytes, codePage)
}

/** UTF-16 from its beginning to its end. */
function isWholeUtf16(bytes: Uint8Array): boolean {
  const tail = bytes.subarray(Math.max(0, bytes.length - LINE_LIMIT_BYTES) & ~1)
  return isUtf16(bytes) && (tail.length < 6 || isUtf16(tail))
}

/**
 * How many bytes at the end (0 to 3) are an incomplete character. With two-byte characters, that is known
 * only when reading from the beginning of the line.
 */
export function unfinishedBytes(bytes: Uint8Array, codePage: number | null): number {
  if (isUtf16(bytes)) return bytes.length % 2
  const line = bytes.subarray(bytes.lastIndexOf(0x0a) + 1)
  const leads = codePage === null ? undefined : LEAD_BYTES[codePage]
  const utf8 = unfinishedUtf8(line)
  if (!leads || utf8OrNull(line.subarray(0, line.length - utf8)) !== null) return utf8
  const isLead = (byte: number): boolean => leads.some(([from, to]) => byte >= from && byte <= to)
  let at = 0
  while (at < line.length) at += isLead(line[at]!) ? 2 : 1
  return at > line.length ? 1 : 0
}

function unfinishedUtf8(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!
    if (byte < 0x80) return 0
    if (byte >= 0xc0) {
      const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
      return needed > back ? back : 0
    }
  }
  return 0
}

let known: number | null | undefined

/**
 * The code page of this PC's consoles (`OEMCP`); null if there is none (65001, and everywhere except on
 * Windows).
 */
export function consoleCodePage(): number | null {
  if (known !== undefined) return known
  known = null
  if (process.platform !== 'win32') return known
  try {
    const key = 'HKLM\\SYSTEM\\CurrentControlSet\\Control\\Nls\\CodePage'
    const output = execFileSync(systemTool('reg.exe'), ['query', key, '/v', 'OEMCP'], {
      encoding: 'latin1',
      timeout: 10_000,
      windowsHide: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const page = Number(/OEMCP\s{1,20}REG_SZ\s{1,20}(\d+)/.exec(output)?.[1])
    known = page in LABELS || page in OEM_UPPER_HALVES ? page : null
  } catch {
    // Unknown bytes are then decoded as UTF-8, as on other systems.
  }
  return known
}
