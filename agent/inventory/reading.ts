/** Reads that an inventory is made of. What cannot be read is null, never an error: a PC that lacks a tool still tells the rest. */
import { readdir, readFile, statfs } from 'node:fs/promises'
import type { DiskInfo } from '#shared/domain/inventory.ts'
import { runCommand } from '../lib/run-command.ts'

const COMMAND_TIMEOUT_MS = 60_000
/** The list of a PC with ten thousand packages fits. */
const COMMAND_LIMIT_BYTES = 16 * 1024 * 1024
/** A disk that does not answer sooner (a network drive whose server is gone) is left out. */
const DISK_TIMEOUT_MS = 5_000

/** What a command wrote, if it ended well. */
export async function ask(file: string, args: readonly string[]): Promise<string | null> {
  const options = { limitBytes: COMMAND_LIMIT_BYTES, calm: true }
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

/** Size of the file system that holds `mount`, and what of it may still be written. */
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

/** Those of them that have space of their own. */
export async function disksOf(mounts: readonly Mount[]): Promise<DiskInfo[]> {
  const disks: DiskInfo[] = []
  for (const mount of mounts) {
    const space = await spaceOf(mount.mount)
    if (space !== null && space.size_bytes > 0) disks.push({ ...mount, ...space })
  }
  return disks
}

/** Boards whose maker never gave them a name or a number carry one of these. */
const PLACEHOLDER =
  /^(?:to be filled by o\.?e\.?m\.?|default string|system (?:manufacturer|product name|serial number|version)|not (?:applicable|specified|available)|o\.?e\.?m\.?|none|unknown|empty|n\/a|x+|0+|\.+|-+|0123456789|123456789)$/i

/** What firmware says of itself, unless it says nothing. */
export function firmwareText(said: string | null | undefined): string | null {
  const text = said?.replaceAll('\0', '').trim() ?? ''
  return text === '' || PLACEHOLDER.test(text) ? null : text
}

/** Lenovo keeps the name that people know in the version, and a code in the place of the name. */
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

/** Whether maker or model are those of a virtual machine; null when neither is known. */
export const looksVirtual = (manufacturer: string | null, model: string | null): boolean | null =>
  manufacturer === null && model === null ? null : VIRTUAL.test(`${manufacturer} ${model}`)

/** UTC, ISO 8601, to the second; null for what is no time. */
export function timeOf(epochSeconds: number): string | null {
  if (!Number.isFinite(epochSeconds) || epochSeconds <= 0 || epochSeconds > 253_402_300_799)
    return null
  return new Date(Math.floor(epochSeconds) * 1000).toISOString()
}
