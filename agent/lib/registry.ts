/**
 * Reads the Windows registry in Unicode. `reg query` prints in the console's code page, which lacks ®, ™ and
 * “ and most non-Latin letters; `reg export` writes UTF-16. PowerShell would also work but takes seconds;
 * reg.exe takes milliseconds.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCommand } from './run-command.ts'
import { systemTool } from './system-tool.ts'

/**
 * Names of values are in lower case. A REG_DWORD is `0x1a2b`, binary data is hex digits, as reg.exe prints
 * them.
 */
export type RegistryKey = { path: string; values: ReadonlyMap<string, string> }
/** 64-bit and 32-bit programs are registered in different places. */
export type RegistryView = '64' | '32'
export const REGISTRY_VIEWS: readonly RegistryView[] = ['64', '32']

const EXPORT_TIMEOUT_MS = 60_000

const unescape = (text: string): string => text.replace(/\\(["\\])/g, '$1')

function withoutNulsBehind(text: string): string {
  let end = text.length
  while (text[end - 1] === '\0') end--
  return text.slice(0, end)
}

/** `hex(7):61,00,…` and similar: the type's number, and the bytes. */
function readHex(type: string | undefined, digits: string): string {
  const bytes = Buffer.from(digits.replace(/[^0-9a-f]/gi, ''), 'hex')
  switch (type) {
    // REG_SZ, REG_EXPAND_SZ, REG_MULTI_SZ
    case '1':
    case '2':
    case '7':
      return withoutNulsBehind(bytes.toString('utf16le')).replaceAll('\0', '\n')
    // REG_QWORD
    case 'b':
      return bytes.length === 8 ? `0x${bytes.readBigUInt64LE().toString(16)}` : ''
    default:
      return bytes.toString('hex').toUpperCase()
  }
}

/**
 * `"Name"=data`, where data may span several lines: a text may contain line breaks, hex digits are continued
 * after a `\`.
 */
const VALUE =
  /^(?:@|"((?:[^"\\]|\\[^])*)")=(?:"((?:[^"\\]|\\[^])*)"|dword:([0-9a-f]{1,8})|hex(?:\(([0-9a-f]+)\))?:((?:[0-9a-f, \t]|\\\r?\n)*))/i

/** Parses a .reg file, version 5. Skips everything that is not a value. */
export function parseRegistry(text: string): RegistryKey[] {
  const keys: { path: string; values: Map<string, string> }[] = []
  for (let at = 0; at < text.length;) {
    const feed = text.indexOf('\n', at)
    const lineEnd = feed < 0 ? text.length : feed + 1
    const first = text[at]
    if (first === '[') {
      const path = text
        .slice(at + 1, lineEnd)
        .trimEnd()
        .replace(/\]$/, '')
      keys.push({ path, values: new Map() })
    } else if (first === '"' || first === '@') {
      const match = VALUE.exec(text.slice(at, at + VALUE_LIMIT))
      if (match) {
        const [whole, name = '', string, dword, type, hex] = match
        const value =
          string !== undefined
            ? unescape(string)
            : dword !== undefined
              ? `0x${Number.parseInt(dword, 16).toString(16)}`
              : readHex(type?.toLowerCase(), hex ?? '')
        keys.at(-1)?.values.set(unescape(name).toLowerCase(), value.trim())
        const lineBreak = text.indexOf('\n', at + whole.length)
        at = lineBreak < 0 ? text.length : lineBreak + 1
        continue
      }
    }
    at = lineEnd
  }
  return keys
}
/** A value may be 1 MiB; nothing that is read here comes near that. */
const VALUE_LIMIT = 512 * 1024

/**
 * A key and everything below it; reads all of it, so use it for small keys only. @returns null if it cannot
 * be read; empty if there is no such key
 */
export async function exportKey(
  key: string,
  view: RegistryView = '64',
): Promise<RegistryKey[] | null> {
  let folder: string | null = null
  try {
    folder = await mkdtemp(join(tmpdir(), 'deployx-registry-'))
    const file = join(folder, 'key.reg')
    const args = ['export', key, file, '/y', `/reg:${view}`]
    const result = await runCommand(systemTool('reg.exe'), args, EXPORT_TIMEOUT_MS)
    if (result.code === null) return null
    const bytes = await readFile(file).catch(() => null)
    if (bytes === null) return result.code === 0 ? null : []
    return parseRegistry(new TextDecoder('utf-16le').decode(bytes))
  } catch {
    return null
  } finally {
    if (folder !== null) await rm(folder, { recursive: true, force: true }).catch(() => undefined)
  }
}

/** The security identifiers of the users whose registry is loaded, SYSTEM included; null if they cannot be read. */
export async function loadedUsers(): Promise<string[] | null> {
  const result = await runCommand(systemTool('reg.exe'), ['query', 'HKU'], EXPORT_TIMEOUT_MS)
  if (result.code !== 0) return null
  return parseUsers(result.stdout)
}
/** Users are `S-1-5-18` and `S-1-5-21-…`; `…_Classes` and `.DEFAULT` are no users of their own. */
export const parseUsers = (printed: string): string[] =>
  printed
    .split('\n')
    .map((line) => line.trim().replace(/^HKEY_USERS\\/i, ''))
    .filter((user) => /^S-1-5-(?:18|21-[0-9-]+)$/.test(user))
