/**
 * Reads a Mac's inventory. The parsers are tested with the tools' documented output; nothing has been run on
 * a Mac.
 */
import { arch, cpus, release, totalmem } from 'node:os'
import { z } from 'zod'
import type { HardwareInfo, InstalledSoftware, OsInfo } from '#shared/domain/inventory.ts'
import { parseWho } from '../linux/linux.ts'
import type { PlatformReader } from '../platform.ts'
import { ask, disksOf, firmwareText, looksVirtual, timeOf, type Mount } from '../reading.ts'

/** Receipts are queried one by one: at most this many, and for at most this long. */
const RECEIPTS_LIMIT = 500
const RECEIPTS_TIMEOUT_MS = 120_000

const Overview = z.object({
  SPHardwareDataType: z
    .array(
      z.object({
        machine_name: z.string().optional(),
        machine_model: z.string().optional(),
        serial_number: z.string().optional(),
        chip_type: z.string().optional(),
        cpu_type: z.string().optional(),
        boot_rom_version: z.string().optional(),
      }),
    )
    .min(1),
})

/** Output of `system_profiler -json SPHardwareDataType`; null if it is anything else. */
export function parseOverview(
  text: string,
): Pick<HardwareInfo, 'model' | 'serial' | 'cpu' | 'firmware'> | null {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return null
  }
  const hardware = Overview.safeParse(json).data?.SPHardwareDataType[0]
  if (!hardware) return null
  const { machine_name: name, machine_model: model } = hardware
  return {
    model: name && model ? `${name} (${model})` : (name ?? model ?? null),
    serial: firmwareText(hardware.serial_number),
    cpu: hardware.chip_type ?? hardware.cpu_type ?? null,
    firmware: hardware.boot_rom_version ?? null,
  }
}

/** Output of sw_vers(1). */
export function parseSwVers(text: string): Pick<OsInfo, 'name' | 'version' | 'build'> {
  const value = (key: string): string | null =>
    new RegExp(`^${key}:\\s*(.+?)\\s*$`, 'm').exec(text)?.[1] ?? null
  return {
    name: value('ProductName') ?? 'macOS',
    version: value('ProductVersion'),
    build: value('BuildVersion'),
  }
}

/** Output of `sysctl -n kern.boottime`: `{ sec = 1700000000, usec = 0 } …`. */
export const parseBootTime = (text: string): string | null =>
  timeOf(Number(/\bsec = (\d+)/.exec(text)?.[1]))

/** Output of mount(8): the system's volume and those below /Volumes. */
export const parseMacMounts = (text: string): Mount[] =>
  text.split('\n').flatMap((line) => {
    const match = /^(\/dev\/\S+) on (.+) \((\w+)[,)]/.exec(line)
    const [, device, mount, file_system] = match ?? []
    const isShown = mount === '/' || mount?.startsWith('/Volumes/')
    return device && mount && file_system && isShown ? [{ mount, device, file_system }] : []
  })

/** Output of `pkgutil --pkg-info ID`. */
export function parseReceipt(text: string): InstalledSoftware | null {
  const value = (key: string): string | null =>
    new RegExp(`^${key}: *(\\S+)`, 'm').exec(text)?.[1] ?? null
  const id = value('package-id')
  if (id === null) return null
  return {
    key: `pkgutil:${id}`,
    source: 'pkgutil',
    name: id,
    version: value('version'),
    publisher: null,
    installed_on: timeOf(Number(value('install-time')))?.slice(0, 10) ?? null,
  }
}

/** Packages that are not part of macOS. */
async function software(): Promise<InstalledSoftware[] | null> {
  const output = await ask('/usr/sbin/pkgutil', ['--pkgs'])
  if (output === null) return null
  const ids = output.split('\n').filter((id) => id && !/^(?:com\.apple\.|-)/.test(id))
  const until = performance.now() + RECEIPTS_TIMEOUT_MS
  const found: InstalledSoftware[] = []
  for (const id of ids.slice(0, RECEIPTS_LIMIT)) {
    if (performance.now() > until) return null
    const receipt = parseReceipt((await ask('/usr/sbin/pkgutil', ['--pkg-info', id])) ?? '')
    if (receipt) found.push(receipt)
  }
  return found
}

async function hardware(): Promise<HardwareInfo> {
  const output = await ask('/usr/sbin/system_profiler', ['-json', 'SPHardwareDataType'])
  const overview = output === null ? null : parseOverview(output)
  const processors = cpus()
  return {
    manufacturer: 'Apple',
    model: overview?.model ?? null,
    serial: overview?.serial ?? null,
    cpu: overview?.cpu ?? firmwareText(processors[0]?.model),
    processors: processors.length || null,
    memory_bytes: totalmem(),
    firmware: overview?.firmware ?? null,
    virtual: looksVirtual('Apple', overview?.model ?? null),
  }
}

export const createMacosReader = (): PlatformReader => ({
  hardware,
  async os() {
    const system = parseSwVers((await ask('/usr/bin/sw_vers', [])) ?? '')
    return {
      ...system,
      build: system.build ?? `Darwin ${release()}`,
      arch: arch(),
      installed_at: null,
      booted_at: parseBootTime((await ask('/usr/sbin/sysctl', ['-n', 'kern.boottime'])) ?? ''),
    }
  },
  async disks() {
    const output = await ask('/sbin/mount', [])
    return output === null ? null : disksOf(parseMacMounts(output))
  },
  async users() {
    const output = await ask('/usr/bin/who', [])
    return output === null ? null : parseWho(output)
  },
  software,
  idleInterfaces: () => Promise.resolve([]),
})
