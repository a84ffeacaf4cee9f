/** Reads a Windows PC's inventory from its registry. */
import { arch, cpus, totalmem, uptime, version } from 'node:os'
import type { HardwareInfo, InstalledSoftware, OsInfo } from '#shared/domain/inventory.ts'
import type { PlatformReader } from '../platform.ts'
import { disksOf, firmwareText, looksVirtual, modelName, timeOf, type Mount } from '../reading.ts'
import { exportKey, REGISTRY_VIEWS, type RegistryKey } from '../../lib/registry.ts'
import { numberOf, printedValuesOf, subkeysOf, valuesOf } from './registry.ts'
import { serialFromSmbios } from './smbios.ts'

const UNINSTALL = 'HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall'
const CURRENT_VERSION = 'HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion'

/** `20240131`; some installers write other text there. */
function dayOf(text: string | undefined): string | null {
  const parts = /^(\d{4})(\d\d)(\d\d)$/.exec(text ?? '')
  if (!parts) return null
  const day = `${parts[1]}-${parts[2]}-${parts[3]}`
  const time = Date.parse(`${day}T00:00:00Z`)
  return Number.isNaN(time) || new Date(time).toISOString().slice(0, 10) !== day ? null : day
}

/**
 * The list that Windows shows under Installed apps: no parts of Windows or of other programs, and no updates
 * of them.
 */
export const parseUninstall = (keys: readonly RegistryKey[], view: string): InstalledSoftware[] =>
  keys.flatMap(({ path, values }) => {
    const [parent, id] = path.split('\\').slice(-2)
    const name = values.get('displayname')
    if (parent?.toLowerCase() !== 'uninstall' || !id || !name) return []
    if (numberOf(values.get('systemcomponent')) === 1 || values.get('parentkeyname')) return []
    return [
      {
        key: `${view}:${id}`,
        source: 'registry' as const,
        name,
        version: values.get('displayversion') || null,
        publisher: values.get('publisher') || null,
        installed_on: dayOf(values.get('installdate')),
      },
    ]
  })

async function software(): Promise<InstalledSoftware[] | null> {
  const found: InstalledSoftware[] = []
  for (const view of REGISTRY_VIEWS) {
    const keys = await exportKey(UNINSTALL, view)
    // The 64-bit view always has entries; if it has none, the registry was not read.
    if (keys === null || (keys.length === 0 && view === '64')) return null
    found.push(...parseUninstall(keys, view))
  }
  return found
}

/**
 * Drive letters of fixed disks in HKLM\SYSTEM\MountedDevices: those that stand for a partition of a disk
 * (`DMIO:ID:` and its GUID, or the disk's signature and an offset: 12 bytes). Others name a drive with
 * removable media.
 */
export const parseMountedDevices = (values: ReadonlyMap<string, string>): string[] =>
  [...values].flatMap(([name, data]) => {
    const letter = /^\\dosdevices\\([a-z]):$/.exec(name)?.[1]?.toUpperCase()
    const isFixed = data.length === 24 || /^444d494f3a49443a/i.test(data)
    return letter && isFixed ? [`${letter}:`] : []
  })

function mounts(letters: readonly string[]): Mount[] {
  const system = process.env['SystemDrive']?.toUpperCase() ?? 'C:'
  return [...new Set([system, ...letters])]
    .sort()
    .map((mount) => ({ mount: `${mount}\\`, device: null, file_system: null }))
}

async function hardware(): Promise<HardwareInfo> {
  const bios = await valuesOf('HKLM\\HARDWARE\\DESCRIPTION\\System\\BIOS')
  const of = (name: string): string | null => firmwareText(bios.get(name))
  const tables = await valuesOf('HKLM\\SYSTEM\\CurrentControlSet\\Services\\mssmbios\\Data')
  const processors = cpus()
  const manufacturer = of('systemmanufacturer')
  const model = modelName(manufacturer, of('systemproductname'), of('systemversion'))
  return {
    manufacturer,
    model,
    serial: serialFromSmbios(tables.get('smbiosdata') ?? ''),
    cpu: firmwareText(processors[0]?.model.replace(/\s+/g, ' ')),
    processors: processors.length || null,
    memory_bytes: totalmem(),
    firmware: [of('biosvendor'), of('biosversion')].filter(Boolean).join(' ') || null,
    virtual: looksVirtual(manufacturer, model),
  }
}

/** @param values of `Windows NT\CurrentVersion` */
export function parseWindowsVersion(
  values: ReadonlyMap<string, string>,
): Pick<OsInfo, 'version' | 'build' | 'installed_at'> {
  const [build, revision] = [values.get('currentbuildnumber'), numberOf(values.get('ubr'))]
  const installed = numberOf(values.get('installdate'))
  return {
    version: values.get('displayversion') || values.get('releaseid') || null,
    build: build ? `${build}${revision === null ? '' : `.${revision}`}` : null,
    installed_at: installed === null ? null : timeOf(installed),
  }
}

async function users(): Promise<string[] | null> {
  const hives = await subkeysOf('HKU')
  if (hives === null) return null
  const found: string[] = []
  for (const path of hives) {
    // Users of this PC, of a domain (5-21) or of Entra (12-1); services have hives as well.
    const sid = /^HKEY_USERS\\(S-1-(?:5-21|12-1)-[\d-]+)$/i.exec(path)?.[1]
    if (!sid) continue
    // Exists only while the user is signed in. `query user` is missing on Home, and its output is localized.
    const values = await valuesOf(`HKU\\${sid}\\Volatile Environment`)
    const [name, domain] = [values.get('username'), values.get('userdomain')]
    if (name) found.push(domain ? `${domain}\\${name}` : name)
  }
  return found
}

export const createWindowsReader = (): PlatformReader => ({
  hardware,
  os: async () => ({
    name: version(),
    ...parseWindowsVersion(await printedValuesOf(CURRENT_VERSION)),
    arch: arch(),
    booted_at: timeOf(Date.now() / 1000 - uptime()),
  }),
  async disks() {
    return disksOf(mounts(parseMountedDevices(await valuesOf('HKLM\\SYSTEM\\MountedDevices'))))
  },
  users,
  software,
  idleInterfaces: () => Promise.resolve([]),
})
