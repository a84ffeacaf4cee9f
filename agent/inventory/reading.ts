/**
 * Helpers for reading the inventory. What cannot be read is null, never an error: a PC without some tool
 * still reports the rest.
 */
import { readdir, readFile, statfs } from 'node:fs/promises'
import type { DiskInfo } from '#shared/domain/inventory.ts'
import { runCommand } from '../lib/run-command.ts'

const COMMAND_TIMEOUT_MS = 60_000
/** Enough for the list of a PC with ten thousand packages. */
const COMMAND_LIMIT_BYTES = 16 * 1024 * 1024
/** A disk that does not answer in time (a network drive whose server is unreachable) is left out. */
const DISK_TIMEOUT_MS = 5_000

/** The output of a command, if it succeeded. */
export async function ask(file: string, args: readonly string[]): Promise<string | null> {
  const options = { limitBytes: COMMAND_LIMIT_BYTES, lowPriority: true }
  const result = await runCommand(file, args, COMMAND_TIMEOUT_MS, options)
  return result.code === 0 ? result.stdout : null
}

export async function readText(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8')
  } catch {
    return null
  }
}

export async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch {
    return []
  }
}

/** Size and free space of the file system that contains `mount`. */
export async function spaceOf(
  mount: string,
): Promise<Pick<DiskInfo, 'size_bytes' | 'free_bytes'> | null> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), DISK_TIMEOUT_MS)
  })
  const answer = statfs(mount).then(
    ({ blocks, bavail, bsize }) => ({
      size_bytes: Math.floor(blocks * bsize),
      free_bytes: Math.floor(bavail * bsize),
    }),
    () => null,
  )
  return Promise.race([answer, tooLate]).finally(() => clearTimeout(timer))
}

export type Mount = Pick<DiskInfo, 'mount' | 'device' | 'file_system'>

/** The mounts that have a size. */
export async function disksOf(mounts: readonly Mount[]): Promise<DiskInfo[]> {
  const disks: DiskInfo[] = []
  for (const mount of mounts) {
    const space = await spaceOf(mount.mount)
    if (space !== null && space.size_bytes > 0) disks.push({ ...mount, ...space })
  }
  return disks
}

/** Placeholders in the firmware of boards whose maker never set a name or number. */
const PLACEHOLDER =
  /^(?:to be filled by o\.?e\.?m\.?|default string|system (?:manufacturer|product name|serial number|version)|not (?:applicable|specified|available)|o\.?e\.?m\.?|none|unknown|empty|n\/a|x+|0+|\.+|-+|0123456789|123456789)$/i

/** A text from the firmware, unless it is a placeholder. */
export function firmwareText(raw: string | null | undefined): string | null {
  const text = raw?.replaceAll('\0', '').trim() ?? ''
  return text === '' || PLACEHOLDER.test(text) ? null : text
}

/** Lenovo stores the product name in the version, and a code in the name. */
export function modelName(
  manufacturer: string | null,
  product: string | null,
  version: string | null,
): string | null {
  if (version === null || !/^lenovo$/i.test(manufacturer ?? '')) return product
  return product === null ? version : `${version} (${product})`
}

const VIRTUAL =
  /vmware|virtualbox|innotek|qemu|kvm|xen|bochs|parallels|bhyve|virtual machine|openstack|amazon ec2|google compute/i

/** Whether the maker or model is that of a virtual machine; null if neither is known. */
export const looksVirtual = (manufacturer: string | null, model: string | null): boolean | null =>
  manufacturer === null && model === null ? null : VIRTUAL.test(`${manufacturer} ${model}`)

/** UTC, ISO 8601, to the second; null if it is not a valid time. */
export function timeOf(epochSeconds: number): string | null {
  if (!Number.isFinite(epochSeconds) || epochSeconds <= 0 || epochSeconds > 253_402_300_799)
    return null
  return new Date(Math.floor(epochSeconds) * 1000).toISOString()
}
