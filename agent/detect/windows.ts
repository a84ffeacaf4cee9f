/** Detection on Windows: the registry, and files. */
import type { ReadOnlyRule, Presence } from '../install/installers.ts'
import { exportKey, REGISTRY_VIEWS } from '../lib/registry.ts'
import { detectFile } from './file.ts'
import {
  bundleEntries,
  entriesOfKey,
  entryFits,
  productEntries,
  productFits,
  uninstallEntries,
  versionFits,
  type UninstallEntry,
} from './uninstall-entries.ts'

type Rule<T extends ReadOnlyRule['type']> = Extract<ReadOnlyRule, { type: T }>

/** Expands environment variables in a path: `%ProgramFiles%\X`. Unknown ones stay unchanged. */
export const expandPath = (path: string, env: NodeJS.ProcessEnv): string =>
  path.replace(/%([^%]{1,255})%/g, (whole, name: string) => {
    const found = Object.keys(env).find((key) => key.toLowerCase() === name.toLowerCase())
    return (found && env[found]) ?? whole
  })

/** @param entries null: the registry cannot be read */
const presenceIn = (
  entries: UninstallEntry[] | null,
  fits: (entry: UninstallEntry) => boolean,
): Presence => (entries === null ? 'unknown' : entries.some(fits) ? 'present' : 'absent')

/** Windows Installer stores codes with the characters of each part reversed. The same function packs and unpacks. */
const reversed = (text: string): string => [...text].reverse().join('')
const pairsReversed = (text: string): string => text.replace(/(.)(.)/g, '$2$1')

/** `{11223344-5566-7788-99AA-BBCCDDEEFF00}` → `443322116655887799AABBCCDDEEFF00` with each pair swapped. */
export function packCode(code: string): string {
  const [a = '', b = '', c = '', d = '', e = ''] = code.slice(1, -1).toUpperCase().split('-')
  return reversed(a) + reversed(b) + reversed(c) + pairsReversed(d + e)
}
/** Null: it is no packed code. */
export function unpackCode(packed: string): string | null {
  if (!/^[0-9a-f]{32}$/i.test(packed)) return null
  const part = (from: number, to: number): string => packed.slice(from, to).toUpperCase()
  const rest = pairsReversed(part(16, 32))
  return `{${reversed(part(0, 8))}-${reversed(part(8, 12))}-${reversed(part(12, 16))}-${rest.slice(0, 4)}-${rest.slice(4)}}`
}

const UPGRADE_CODES = 'HKLM\\SOFTWARE\\Classes\\Installer\\UpgradeCodes'

/** The product codes of the installed products that share this upgrade code; null: the registry cannot be read. */
async function relatedProducts(upgradeCode: string): Promise<string[] | null> {
  const keys = await exportKey(`${UPGRADE_CODES}\\${packCode(upgradeCode)}`)
  if (keys === null) return null
  const names = [...(keys[0]?.values.keys() ?? [])]
  return names.map(unpackCode).filter((code) => code !== null)
}

async function detectRelated(rule: Rule<'upgrade_code'>): Promise<Presence> {
  const codes = await relatedProducts(rule.upgrade_code)
  if (codes === null) return 'unknown'
  for (const code of codes) {
    const presence = presenceIn(await productEntries(code), (entry) => productFits(entry, rule))
    if (presence !== 'absent') return presence
  }
  return presenceIn(await bundleEntries(rule.upgrade_code), ({ version }) =>
    versionFits(version, rule),
  )
}

async function detectValue(rule: Rule<'registry_value'>): Promise<Presence> {
  for (const view of REGISTRY_VIEWS) {
    const keys = await exportKey(rule.key, view)
    if (keys === null) return 'unknown'
    const value = keys[0]?.values.get(rule.name.toLowerCase())
    if (value === undefined) continue
    if (rule.data !== undefined && rule.data !== value) continue
    if (versionFits(value, rule)) return 'present'
  }
  return 'absent'
}

/** Returns unknown for a rule of another platform. */
export async function detectOnWindows(rule: ReadOnlyRule): Promise<Presence> {
  switch (rule.type) {
    case 'msi_product':
      return presenceIn(await productEntries(rule.product_code), (one) => productFits(one, rule))
    case 'upgrade_code':
      return detectRelated(rule)
    case 'uninstall_entry':
      return presenceIn(await uninstallEntries(), (one) => entryFits(one, rule))
    case 'uninstall_key':
      return presenceIn(await entriesOfKey(rule.key, rule.hive), ({ version }) =>
        versionFits(version, rule),
      )
    case 'registry_value':
      return detectValue(rule)
    case 'file':
      return detectFile({ ...rule, path: expandPath(rule.path, process.env) }, null)
    case 'msix':
    case 'dpkg':
    case 'rpm':
    case 'pkgutil':
      return 'unknown'
  }
}
