/** Values of the registry as reg.exe prints them. PowerShell would tell more and takes seconds; reg.exe takes milliseconds. */
import { systemTool } from '../../lib/system-tool.ts'
import { ask } from '../reading.ts'

export type RegistryKey = { path: string; values: ReadonlyMap<string, string> }

/** Output of `reg query`: a line per key, below it `    NAME    TYPE    VALUE`. Names are told in lower case. */
export function parseRegistry(text: string): RegistryKey[] {
  const keys: { path: string; values: Map<string, string> }[] = []
  for (const line of text.split(/\r?\n/)) {
    if (/^HKEY_/i.test(line)) keys.push({ path: line.trim(), values: new Map() })
    const value = /^ {4}(.+?) {4}REG_\w+(?: {4}(.*))?$/.exec(line)
    if (value) keys.at(-1)?.values.set(value[1]!.toLowerCase(), (value[2] ?? '').trim())
  }
  return keys
}

/** `view`: 64-bit and 32-bit programs are entered in different places. Null when there is no such key. */
export async function queryRegistry(
  key: string,
  options: { deep?: boolean; view?: '64' | '32' } = {},
): Promise<RegistryKey[] | null> {
  const args = ['query', key, ...(options.deep ? ['/s'] : []), `/reg:${options.view ?? '64'}`]
  const said = await ask(systemTool('reg.exe'), args)
  return said === null ? null : parseRegistry(said)
}

/** The values of one key; none when it is not there. */
export async function valuesOf(key: string): Promise<ReadonlyMap<string, string>> {
  return (await queryRegistry(key))?.[0]?.values ?? new Map<string, string>()
}

/** A REG_DWORD, printed as `0x1a2b`. */
export const numberOf = (value: string | undefined): number | null =>
  value !== undefined && /^0x[0-9a-f]+$/i.test(value) ? Number(value) : null
