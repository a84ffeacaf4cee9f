/** What the inventory asks of the registry. */
import { exportKey, type RegistryKey } from '../../lib/registry.ts'
import { systemTool } from '../../lib/system-tool.ts'
import { ask } from '../reading.ts'

/** Names of the keys right below one that is too large to be read whole. Null when there is no such key. */
export async function subkeysOf(key: string): Promise<string[] | null> {
  const said = await ask(systemTool('reg.exe'), ['query', key, '/reg:64'])
  return said === null ? null : said.split(/\r?\n/).filter((line) => /^HKEY_/i.test(line))
}

/** Output of `reg query`: a line per key, below it `    NAME    TYPE    VALUE`. Of the first key only. */
export function parsePrintedValues(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  let keys = 0
  for (const line of text.split(/\r?\n/)) {
    if (/^HKEY_/i.test(line) && ++keys > 1) break
    const value = /^ {4}(.+?) {4}REG_\w+(?: {4}(.*))?$/.exec(line)
    if (value) values.set(value[1]!.toLowerCase(), (value[2] ?? '').trim())
  }
  return values
}

/** The values of a key that is too large to be read whole; they are plain ASCII. None when it is not there. */
export async function printedValuesOf(key: string): Promise<ReadonlyMap<string, string>> {
  const said = await ask(systemTool('reg.exe'), ['query', key, '/reg:64'])
  return parsePrintedValues(said ?? '')
}

/** The values of one key; none when it is not there. */
export async function valuesOf(key: string): Promise<ReadonlyMap<string, string>> {
  const keys: RegistryKey[] | null = await exportKey(key)
  return keys?.[0]?.values ?? new Map<string, string>()
}

/** A REG_DWORD, printed as `0x1a2b`. */
export const numberOf = (value: string | undefined): number | null =>
  value !== undefined && /^0x[0-9a-f]+$/i.test(value) ? Number(value) : null
