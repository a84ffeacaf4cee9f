/** Detection on Windows: the Uninstall keys of the registry, and files. */
import type { Detection } from '#shared/contract/detection.ts'
import type { Presence } from '../install/installers.ts'
import { runCommand } from '../lib/run-command.ts'
import { detectFile } from './file.ts'
import { compareDotted } from './versions.ts'

const UNINSTALL = 'HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall'
/** 64-bit and 32-bit programs are entered in different places. */
const VIEWS = ['/reg:64', '/reg:32']

export type UninstallEntry = { key: string; name: string | null; version: string | null }

/** Output of `reg query KEY /s`: a line per key, below it `    NAME    TYPE    VALUE`. */
export function parseUninstallEntries(text: string): UninstallEntry[] {
  const entries: UninstallEntry[] = []
  for (const line of text.split(/\r?\n/)) {
    if (/^HKEY_/i.test(line)) entries.push({ key: line.trim(), name: null, version: null })
    const value = /^\s+(DisplayName|DisplayVersion)\s+REG_\w+\s+(.*?)\s*$/.exec(line)
    const entry = entries.at(-1)
    if (!value || !entry) continue
    if (value[1] === 'DisplayName') entry.name = value[2]!
    else entry.version = value[2]!
  }
  return entries
}

/** Environment variables in a path: `%ProgramFiles%\X`. Unknown ones stay as they are. */
export const expandPath = (path: string, env: NodeJS.ProcessEnv): string =>
  path.replace(/%([^%]+)%/g, (whole, name: string) => {
    const found = Object.keys(env).find((key) => key.toLowerCase() === name.toLowerCase())
    return (found && env[found]) ?? whole
  })

async function detectProduct(productCode: string): Promise<Presence> {
  for (const view of VIEWS) {
    const result = await runCommand('reg.exe', ['query', `${UNINSTALL}\\${productCode}`, view])
    if (result.missing) return 'unknown'
    if (result.code === 0) return 'present'
  }
  return 'absent'
}

/** Whether an entry is the wanted one: same name, whatever the case, and its version fits. */
export function entryFits(
  entry: UninstallEntry,
  wanted: { name: string; version?: string | undefined; operator: 'eq' | 'ge' },
): boolean {
  if (entry.name?.toLowerCase() !== wanted.name.toLowerCase()) return false
  if (!wanted.version) return true
  if (entry.version === null) return false
  const order = compareDotted(entry.version, wanted.version)
  return wanted.operator === 'eq' ? order === 0 : order >= 0
}

async function detectEntry(wanted: Parameters<typeof entryFits>[1]): Promise<Presence> {
  for (const view of VIEWS) {
    const result = await runCommand('reg.exe', ['query', UNINSTALL, '/s', view])
    if (result.code === null) return 'unknown'
    if (parseUninstallEntries(result.stdout).some((entry) => entryFits(entry, wanted)))
      return 'present'
  }
  return 'absent'
}

/** A rule of another platform cannot be answered here. */
export async function detectOnWindows(rule: Detection): Promise<Presence> {
  switch (rule.type) {
    case 'msi_product':
      return detectProduct(rule.product_code)
    case 'uninstall_entry':
      return detectEntry(rule)
    case 'file':
      return detectFile({ ...rule, path: expandPath(rule.path, process.env) }, null)
    case 'dpkg':
    case 'rpm':
    case 'pkgutil':
      return 'unknown'
  }
}
