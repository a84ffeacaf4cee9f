/** Text of programs that do not say how they write it: UTF-8, UTF-16 or, on Windows, the console's code page. */
import { execFileSync } from 'node:child_process'
import { OEM_UPPER_HALVES } from './oem-code-pages.ts'
import { systemTool } from './system-tool.ts'

/** Code pages that the Encoding Standard knows, by its names (encoding.spec.whatwg.org). */
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
}
/** So many of the first bytes are looked at. */
const SAMPLE_BYTES = 4096

/** UTF-16 (little-endian): its mark, or Latin text, in which every second byte is 0. */
export function isUtf16(bytes: Uint8Array): boolean {
  if (bytes.length >= 2 && bytes[0] === 0xff && bytes[1] === 0xfe) return true
  const pairs = Math.floor(Math.min(bytes.length, SAMPLE_BYTES) / 2)
  let zeros = 0
  for (let i = 0; i < pairs; i++) if (bytes[2 * i + 1] === 0 && bytes[2 * i] !== 0) zeros++
  return pairs >= 4 && zeros > pairs / 2
}

/** Whether all of it is UTF-8, but for a character that is cut off at its start or its end. */
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

/**
 * @param codePage what is assumed of bytes that are neither UTF-8 nor UTF-16; null: they are UTF-8 with mistakes
 */
export function decodeOutput(bytes: Uint8Array, codePage: number | null): string {
  if (isUtf16(bytes)) return new TextDecoder('utf-16le').decode(bytes)
  const text = utf8OrNull(bytes)
  if (text !== null) return text
  return codePage === null ? new TextDecoder().decode(bytes) : decodeCodePage(bytes, codePage)
}

let known: number | null | undefined

/** The code page of this PC's consoles (`OEMCP`); null where there is none (65001, and everywhere but on Windows). */
export function consoleCodePage(): number | null {
  if (known !== undefined) return known
  known = null
  if (process.platform !== 'win32') return known
  try {
    const key = 'HKLM\\SYSTEM\\CurrentControlSet\\Control\\Nls\\CodePage'
    const said = execFileSync(systemTool('reg.exe'), ['query', key, '/v', 'OEMCP'], {
      encoding: 'latin1',
      timeout: 10_000,
      windowsHide: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const page = Number(/OEMCP\s+REG_SZ\s+(\d+)/.exec(said)?.[1])
    known = page in LABELS || page in OEM_UPPER_HALVES ? page : null
  } catch {
    // Undecided bytes are then taken for UTF-8, as on other systems.
  }
  return known
}
