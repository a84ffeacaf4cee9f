/** The Uninstall keys of the Windows registry: which programs are registered, and in which version. */
import { compareDotted, compareMsi } from '#shared/domain/versions.ts'
import { exportKey, loadedUsers, REGISTRY_VIEWS, type RegistryKey } from '../lib/registry.ts'

const IN_HIVE = 'Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall'
const UNINSTALL = `HKLM\\${IN_HIVE}`

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

type VersionRule = { version?: string | undefined; operator?: 'eq' | 'ge' | undefined }

/** Whether this installed product matches the requested version. A product without a version matches. */
export function productFits(
  entry: Pick<UninstallEntry, 'version' | 'msiVersion'>,
  { version, operator }: VersionRule,
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

/** Whether a version is the wanted one, by its dotted numbers. Without a wanted version any fits. */
export function versionFits(version: string | null, wanted: VersionRule): boolean {
  if (!wanted.version) return true
  if (version === null) return false
  const order = compareDotted(version, wanted.version)
  return wanted.operator === 'eq' ? order === 0 : order >= 0
}

/** Normalizes text: ignores case and the encoding of accents. */
const folded = (text: string): string => text.normalize('NFC').trim().toLowerCase()

/** Whether an entry matches: same name, ignoring case, and a matching version. */
export function entryFits(
  entry: Pick<UninstallEntry, 'name' | 'version'>,
  wanted: { name: string; version?: string | undefined; operator: 'eq' | 'ge' },
): boolean {
  if (entry.name === null || folded(entry.name) !== folded(wanted.name)) return false
  return versionFits(entry.version, wanted)
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

/** The entries of bundles of the WiX Toolset with this upgrade code; null if the registry cannot be read. */
export async function bundleEntries(upgradeCode: string): Promise<UninstallEntry[] | null> {
  const found: UninstallEntry[] = []
  for (const view of REGISTRY_VIEWS) {
    const keys = await exportKey(UNINSTALL, view)
    if (keys === null) return null
    found.push(...bundlesIn(keys, upgradeCode))
  }
  return found
}
/** A bundle may have several upgrade codes. */
export const bundlesIn = (keys: readonly RegistryKey[], upgradeCode: string): UninstallEntry[] =>
  keys
    .filter(({ values }) =>
      values
        .get('bundleupgradecode')
        ?.split('\n')
        .some((code) => code.trim().toUpperCase() === upgradeCode.toUpperCase()),
    )
    .map(uninstallEntry)

/** The entries with this name of their key, in both views or in the registry of every user who is logged on; null: unreadable. */
export async function entriesOfKey(
  key: string,
  hive: 'machine' | 'user',
): Promise<UninstallEntry[] | null> {
  const users = hive === 'user' ? await loadedUsers() : null
  if (hive === 'user' && users === null) return null
  const places = users?.map((user) => `HKU\\${user}\\${IN_HIVE}`) ?? [UNINSTALL]
  const found: UninstallEntry[] = []
  for (const place of places)
    for (const view of REGISTRY_VIEWS) {
      const keys = await exportKey(`${place}\\${key}`, view)
      if (keys === null) return null
      found.push(...keys.slice(0, 1).map(uninstallEntry))
    }
  return found
}
