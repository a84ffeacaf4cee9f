/** Finds the file system of a disk: without partitions, or in an Apple or a GUID partition map. */
import { openHfsPlus } from './hfs-plus.ts'
import { openIso } from './iso.ts'
import { Unsupported, type Disk, type Volume } from './volume.ts'

const SECTOR = 512
const MAP_LIMIT = 64
const APFS_GUID = 'ef57347c0000aa11aa1100306543ecac'
const ENCRYPTED = ['encrcdsa', 'cdsaencr']

/** Starts of partitions, in bytes; empty: there is no map. */
function partitionsOf(disk: Disk): { from: number; isApfs: boolean }[] {
  const second = disk.read(SECTOR, SECTOR)
  if (second.length < SECTOR) return []
  if (second.toString('latin1', 0, 8) === 'EFI PART') {
    const entryBytes = second.readUInt32LE(84)
    if (entryBytes < 128 || entryBytes > 4096) return []
    const table = disk.read(2 * SECTOR, MAP_LIMIT * entryBytes)
    return Array.from({ length: Math.floor(table.length / entryBytes) }, (_, i) => ({
      from: Number(table.readBigUInt64LE(i * entryBytes + 32)) * SECTOR,
      isApfs: table.toString('hex', i * entryBytes, i * entryBytes + 16) === APFS_GUID,
    })).filter(({ from }) => from > 0)
  }
  const found = []
  for (let i = 1; i <= MAP_LIMIT; i++) {
    const entry = disk.read(i * SECTOR, SECTOR)
    if (entry.length < SECTOR || entry.toString('latin1', 0, 2) !== 'PM') break
    const type = entry.toString('latin1', 48, 80).split('\0', 1)[0]
    if (type === 'Apple_HFS' || type === 'Apple_HFSX' || type === 'Apple_APFS')
      found.push({ from: entry.readUInt32BE(8) * SECTOR, isApfs: type === 'Apple_APFS' })
  }
  return found
}

/** Whether the first bytes are those of an encrypted image. */
export const isEncrypted = (head: Buffer): boolean =>
  ENCRYPTED.includes(head.toString('latin1', 0, 8))

/** @throws Unsupported with the reason, AppError E_PACKAGE_UNREADABLE */
export function openVolume(disk: Disk): Volume {
  const bare = openHfsPlus(disk, 0)
  if (bare) return bare
  const partitions = partitionsOf(disk)
  for (const { from, isApfs } of partitions) {
    const volume = isApfs ? null : openHfsPlus(disk, from)
    if (volume) return volume
  }
  const iso = openIso(disk)
  if (iso) return iso
  const isApfs =
    partitions.some((one) => one.isApfs) || disk.read(32, 4).toString('latin1') === 'NXSB'
  throw new Unsupported(`its file system${isApfs ? ', APFS,' : ''} is not read here`)
}
