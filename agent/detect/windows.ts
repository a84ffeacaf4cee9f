/** Detection on Windows: the Uninstall keys of the registry, and files. */
import type { LookingRule, Presence } from '../install/installers.ts'
import { runCommand } from '../lib/run-command.ts'
import { systemTool } from '../lib/system-tool.ts'
import { detectFile } from './file.ts'
import { compareDotted } from './versions.ts'

const UNINSTALL = 'HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall'
/** 64-bit and 32-bit programs are entered in different places. */
const VIEWS = ['/reg:64', '/reg:32']

export type UninstallEntry = {
  key: string
  name: string | null
  version: string | null
  /** Command lines, as the software entered them. */
  uninstall: string | null
  quietUninstall: string | null
}

const VALUES = {
  DisplayName: 'name',
  DisplayVersion: 'version',
  UninstallString: 'uninstall',
  QuietUninstallString: 'quietUninstall',
} as const

/** Output of `reg query KEY /s`: a line per key, below it `    NAME    TYPE    VALUE`. */
export function parseUninstallEntries(text: string): UninstallEntry[] {
  const entries: UninstallEntry[] = []
  for (const line of text.split(/\r?\n/)) {
    if (/^HKEY_/i.test(line))
      entries.push({
        key: line.trim(),
        name: null,
        version: null,
        uninstall: null,
        quietUninstall: null,
      })
    const value = /^\s+(\w+)\s+REG_\w+\s+(.*?)\s*$/.exec(line)
    const entry = entries.at(-1)
    if (value && entry && Object.hasOwn(VALUES, value[1]!))
      entry[VALUES[value[1] as keyof typeof VALUES]] = value[2]!
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
    const key = `${UNINSTALL}\\${productCode}`
    const result = await runCommand(systemTool('reg.exe'), ['query', key, view])
    if (result.code === null) return 'unknown'
    if (result.code === 0) return 'present'
  }
  return 'absent'
}

/** reg.exe prints `?` for what the console's code page lacks: there any character outside of ASCII fits. */
function isSameName(printed: string, wanted: string): boolean {
  const [a, b] = [[...printed.toLowerCase()], [...wanted.toLowerCase()]]
  return (
    a.length === b.length &&
    a.every((c, i) => c === b[i] || (c === '?' && (b[i]!.codePointAt(0) ?? 0) > 0x7f))
  )
}

/** Whether an entry is the wanted one: same name, whatever the case, and its version fits. */
export function entryFits(
  entry: Pick<UninstallEntry, 'name' | 'version'>,
  wanted: { name: string; version?: string | undefined; operator: 'eq' | 'ge' },
): boolean {
  if (entry.name === null || !isSameName(entry.name, wanted.name)) return false
  if (!wanted.version) return true
  if (entry.version === null) return false
  const order = compareDotted(entry.version, wanted.version)
  return wanted.operator === 'eq' ? order === 0 : order >= 0
}

/** All entries of this PC; null when the registry cannot be read. */
export async function uninstallEntries(): Promise<UninstallEntry[] | null> {
  const found: UninstallEntry[] = []
  for (const view of VIEWS) {
    const result = await runCommand(systemTool('reg.exe'), ['query', UNINSTALL, '/s', view])
    if (result.code === null) return null
    found.push(...parseUninstallEntries(result.stdout))
  }
  return found
}

async function detectEntry(wanted: Parameters<typeof entryFits>[1]): Promise<Presence> {
  const entries = await uninstallEntries()
  if (entries === null) return 'unknown'
  return entries.some((entry) => entryFits(entry, wanted)) ? 'present' : 'absent'
}

/** A rule of another platform cannot be answered here. */
export async function detectOnWindows(rule: LookingRule): Promise<Presence> {
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
