/**
 * An id for the PC's hardware that is not copied with a disk, and that does not change with plugged-in
 * devices: the system UUID of the firmware (SMBIOS type 1); on Linux without firmware tables, the address of
 * the first built-in wired network interface. It proves nothing: it only distinguishes PCs that have the same
 * identity.
 */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { runCommand } from '../lib/run-command.ts'

const COMMAND_TIMEOUT_MS = 10_000
const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/i
/** Placeholders on boards whose maker never set a UUID, in both byte orders. */
const PLACEHOLDERS = [
  '03000200-0400-0500-0006-000700080009',
  '00020003-0004-0005-0006-000700080009',
  '12345678-1234-5678-90ab-cddeefaabbcc',
  '78563412-3412-7856-90ab-cddeefaabbcc',
]

const named = (kind: string, value: string): string =>
  createHash('sha256').update(`deployx hardware v1\n${kind}\n${value}`).digest('hex')

/** The UUID in a text, in lower case; null if there is none, or one that many PCs share. */
export function systemUuid(text: string): string | null {
  const uuid = UUID.exec(text)?.[0].toLowerCase()
  const isShared = !uuid || PLACEHOLDERS.includes(uuid) || /^(.)\1*$/.test(uuid.replace(/-/g, ''))
  return isShared ? null : uuid
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return null
  }
}

/**
 * Whether a device in sysfs is plugged in rather than built in: USB, or below something removable (a
 * Thunderbolt dock).
 */
function isPlugged(root: string, device: string): boolean {
  if (/\/usb\d/.test(device)) return true
  for (let at = device; at.startsWith(root) && at !== dirname(at); at = dirname(at))
    if (read(join(at, 'removable')) === 'removable') return true
  return false
}

/** The permanent address of the wired interface that comes first on the bus, or null. */
function firstBuiltInAddress(root: string): string | null {
  const net = join(root, 'sys/class/net')
  const found: { device: string; address: string }[] = []
  for (const name of existsSync(net) ? readdirSync(net) : []) {
    const at = join(net, name)
    // Bridges, tunnels and the like have no device; a wireless card may randomize its address every day.
    if (!existsSync(join(at, 'device'))) continue
    if (existsSync(join(at, 'wireless')) || existsSync(join(at, 'phy80211'))) continue
    if (read(join(at, 'addr_assign_type')) !== '0') continue
    const address = read(join(at, 'address'))?.toLowerCase()
    if (!address || !/[1-9a-f]/.test(address)) continue
    const device = realpathSync(join(at, 'device'))
    if (!isPlugged(root, device)) found.push({ device, address })
  }
  found.sort((a, b) => (a.device < b.device ? -1 : a.device > b.device ? 1 : 0))
  return found[0]?.address ?? null
}

/** @param root where `sys` is */
export function linuxHardwareId(root: string): string | null {
  const file = join(root, 'sys/class/dmi/id/product_uuid')
  if (existsSync(file)) {
    const text = read(file)
    // Readable by root only. A substitute would look like other hardware the next time.
    if (text === null) return null
    const uuid = systemUuid(text)
    if (uuid) return named('uuid', uuid)
  }
  const address = firstBuiltInAddress(root)
  return address === null ? null : named('address', address)
}

async function uuidFrom(file: string, args: string[]): Promise<string | null> {
  const { code, stdout } = await runCommand(file, args, COMMAND_TIMEOUT_MS)
  const uuid = code === 0 ? systemUuid(stdout) : null
  return uuid === null ? null : named('uuid', uuid)
}

/** SHA-256, hex; null if unknown. Does not change while the PC runs. Never rejects. */
export async function readHardwareId(): Promise<string | null> {
  switch (process.platform) {
    case 'win32':
      // At every start, the kernel stores the UUID of the current hardware here.
      return uuidFrom('reg.exe', ['query', 'HKLM\\SYSTEM\\HardwareConfig', '/v', 'LastConfig'])
    case 'darwin':
      return uuidFrom('/bin/sh', [
        '-c',
        '/usr/sbin/ioreg -rd1 -c IOPlatformExpertDevice | /usr/bin/grep IOPlatformUUID',
      ])
    default:
      return linuxHardwareId('/')
  }
}
