/** Registry queries for the inventory. */
import { exportKey, type RegistryKey } from '../../lib/registry.ts'
import { systemTool } from '../../lib/system-tool.ts'
import { ask } from '../reading.ts'

/** Names of the direct subkeys of a key that is too large to be read whole. Null if there is no such key. */
export async function subkeysOf(key: string): Promise<string[] | null> {
  const output = await ask(systemTool('reg.exe'), ['query', key, '/reg:64'])
  return output === null ? null : output.split(/\r?\n/).filter((line) => /^HKEY_/i.test(line))
}

const GAP = '    '
/** `    NAME    REG_TYPE    VALUE`; a name may contain spaces. */
function parseValue(line: string): { name: string; value: string } | null {
  if (!line.startsWith(GAP)) return null
  for (let at = line.indexOf(`${GAP}REG_`, 5); at >= 0; at = line.indexOf(`${GAP}REG_`, at + 1)) {
    const rest = line.slice(at + GAP.length)
    const type = /^REG_\w{1,40}/.exec(rest)?.[0].length ?? 0
    if (type === rest.length) return { name: line.slice(4, at), value: '' }
    if (type > 0 && rest.startsWith(GAP, type))
      return { name: line.slice(4, at), value: rest.slice(type + GAP.length).trim() }
  }
  return null
}

/** Output of `reg query`: a line per key, below it `    NAME    TYPE    VALUE`. Of the first key only. */
export function parsePrintedValues(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  let keys = 0
  for (const line of text.split(/\r?\n/)) {
    if (/^HKEY_/i.test(line) && ++keys > 1) break
    const found = parseValue(line)
    if (found) values.set(found.name.toLowerCase(), found.value)
  }
  return values
}

/**
 * The values of a key that is too large to be read whole; they are plain ASCII. Empty if there is no such
 * key.
 */
export async function printedValuesOf(key: string): Promise<ReadonlyMap<string, string>> {
  const output = await ask(systemTool('reg.exe'), ['query', key, '/reg:64'])
  return parsePrintedValues(output ?? '')
}

/** The values of one key; empty if there is no such key. */
export async function valuesOf(key: string): Promise<ReadonlyMap<string, string>> {
  const keys: RegistryKey[] | null = await exportKey(key)
  return keys?.[0]?.values ?? new Map<string, string>()
}

/** A REG_DWORD, printed as `0x1a2b`. */
export const numberOf = (value: string | undefined): number | null =>
  value !== undefined && /^0x[0-9a-f]+$/i.test(value) ? Number(value) : null
