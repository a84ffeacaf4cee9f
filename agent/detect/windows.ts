/** Detection on Windows: the Uninstall keys of the registry, and files. */
import type { ReadOnlyRule, Presence } from '../install/installers.ts'
import { exportKey, REGISTRY_VIEWS, type RegistryKey } from '../lib/registry.ts'
import { detectFile } from './file.ts'
import { compareDotted, compareMsi } from '#shared/domain/versions.ts'

const UNINSTALL = 'HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall'

export type UninstallEntry = {
  key: string
  name: string | null
  version: string | null
  /** The version that Windows Installer itself compares: three fields in one number. */
  msiVersion: string | null
  /** Command lines as registered by the software. */
  uninstall: string | null
  quietUninstall: string | null
}

/** 0x01020003 is 1.2.3 (learn.microsoft.com/windows/win32/msi/uninstall-registry-key). */
function unpackMsiVersion(value: string | undefined): string | null {
  if (value === undefined || !/^0x[0-9a-f]+$/i.test(value)) return null
  const number = Number(value)
  return `${Math.floor(number / 0x1000000) & 0xff}.${(number >>> 16) & 0xff}.${number & 0xffff}`
}

export const uninstallEntry = ({ path, values }: RegistryKey): UninstallEntry => ({
  key: path,
  name: values.get('displayname') ?? null,
  version: values.get('displayversion') ?? null,
  msiVersion: unpackMsiVersion(values.get('version')),
  uninstall: values.get('uninstallstring') ?? null,
  quietUninstall: values.get('quietuninstallstring') ?? null,
})

/** Expands environment variables in a path: `%ProgramFiles%\X`. Unknown ones stay unchanged. */
export const expandPath = (path: string, env: NodeJS.ProcessEnv): string =>
  path.replace(/%([^%]{1,255})%/g, (whole, name: string) => {
    const found = Object.keys(env).find((key) => key.toLowerCase() === name.toLowerCase())
    return (found && env[found]) ?? whole
  })

type ProductRule = Extract<ReadOnlyRule, { type: 'msi_product' }>

/** Whether this installed product matches the requested version. A product without a version matches. */
export function productFits(
  entry: Pick<UninstallEntry, 'version' | 'msiVersion'>,
  { version, operator }: ProductRule,
): boolean {
  const installed = entry.msiVersion ?? entry.version
  if (!version || installed === null) return true
  const order = compareMsi(installed, version)
  return operator === 'eq' ? order === 0 : order >= 0
}

/** The entries of a product, whatever its version; null if the registry cannot be read. */
export async function productEntries(productCode: string): Promise<UninstallEntry[] | null> {
  const found: UninstallEntry[] = []
  for (const view of REGISTRY_VIEWS) {
    const keys = await exportKey(`${UNINSTALL}\\${productCode}`, view)
    if (keys === null) return null
    found.push(...keys.slice(0, 1).map(uninstallEntry))
  }
  return found
}

async function detectProduct(rule: ProductRule): Promise<Presence> {
  const entries = await productEntries(rule.product_code)
  if (entries === null) return 'unknown'
  return entries.some((entry) => productFits(entry, rule)) ? 'present' : 'absent'
}

/** Normalizes text: ignores case and the encoding of accents. */
const folded = (text: string): string => text.normalize('NFC').trim().toLowerCase()

/** Whether an entry matches: same name, ignoring case, and a matching version. */
export function entryFits(
  entry: Pick<UninstallEntry, 'name' | 'version'>,
  wanted: { name: string; version?: string | undefined; operator: 'eq' | 'ge' },
): boolean {
  if (entry.name === null || folded(entry.name) !== folded(wanted.name)) return false
  if (!wanted.version) return true
  if (entry.version === null) return false
  const order = compareDotted(entry.version, wanted.version)
  return wanted.operator === 'eq' ? order === 0 : order >= 0
}

/** All entries of this PC; null if the registry cannot be read. */
export async function uninstallEntries(): Promise<UninstallEntry[] | null> {
  const found: UninstallEntry[] = []
  for (const view of REGISTRY_VIEWS) {
    const keys = await exportKey(UNINSTALL, view)
    if (keys === null) return null
    found.push(...keys.map(uninstallEntry))
  }
  return found
}

async function detectEntry(wanted: Parameters<typeof entryFits>[1]): Promise<Presence> {
  const entries = await uninstallEntries()
  if (entries === null) return 'unknown'
  return entries.some((entry) => entryFits(entry, wanted)) ? 'present' : 'absent'
}

/** Returns unknown for a rule of another platform. */
export async function detectOnWindows(rule: ReadOnlyRule): Promise<Presence> {
  switch (rule.type) {
    case 'msi_product':
      return detectProduct(rule)
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
