/** ISO 9660 with Rock Ridge names (ECMA-119; IEEE P1282), which other systems' tools put into disk images. */
import { unreadable } from '../../facts.ts'
import type { Disk, Volume, VolumeEntry } from './volume.ts'

const BLOCK = 2048
const DESCRIPTOR_AT = 16 * BLOCK
const ROOT_AT = 156
const FOLDER_LIMIT_BYTES = 1024 * 1024
const IS_FOLDER = 2

type Entry = VolumeEntry & { block: number }

/** The name that Rock Ridge gives; null: none. */
function rockRidgeName(record: Buffer, from: number): string | null {
  let name: string | null = null
  for (let at = from; at + 5 <= record.length;) {
    const length = record[at + 2]!
    if (length < 4 || at + length > record.length) break
    if (record.toString('latin1', at, at + 2) === 'NM')
      name = (name ?? '') + record.toString('utf8', at + 5, at + length)
    at += length
  }
  return name
}

function entryOf(record: Buffer): Entry | null {
  const nameBytes = record[32] ?? 0
  if (record.length < 34 || 33 + nameBytes > record.length) return null
  // The entries for the folder itself and the one above it.
  if (nameBytes === 1 && record[33]! <= 1) return null
  const plain = record.toString('latin1', 33, 33 + nameBytes).split(';', 1)[0]!
  const systemAt = 33 + nameBytes + (nameBytes % 2 === 0 ? 1 : 0)
  return {
    name: rockRidgeName(record, systemAt) ?? plain,
    isFolder: (record[25]! & IS_FOLDER) !== 0,
    block: record.readUInt32LE(2),
    sizeBytes: record.readUInt32LE(10),
  }
}

/** Null when the disk has no such file system. */
export function openIso(disk: Disk): Volume | null {
  const descriptor = disk.read(DESCRIPTOR_AT, BLOCK)
  if (descriptor.length < BLOCK || descriptor.toString('latin1', 1, 6) !== 'CD001') return null
  const folder = (block: number, sizeBytes: number): Entry[] => {
    if (sizeBytes > FOLDER_LIMIT_BYTES)
      throw unreadable('a folder in it is larger than any real one')
    const bytes = disk.read(block * BLOCK, sizeBytes)
    const found: Entry[] = []
    for (let at = 0; at < bytes.length;) {
      const length = bytes[at]!
      // Records do not cross blocks; the rest of a block is empty.
      if (length === 0) {
        at = (Math.floor(at / BLOCK) + 1) * BLOCK
        continue
      }
      const entry = entryOf(bytes.subarray(at, at + length))
      if (entry) found.push(entry)
      at += length
    }
    return found
  }
  const entries = (path: string): Entry[] => {
    let at = {
      block: descriptor.readUInt32LE(ROOT_AT + 2),
      sizeBytes: descriptor.readUInt32LE(ROOT_AT + 10),
    }
    for (const part of path.split('/').filter((name) => name !== '')) {
      const next = folder(at.block, at.sizeBytes).find((one) => one.isFolder && one.name === part)
      if (!next) return []
      at = next
    }
    return folder(at.block, at.sizeBytes)
  }
  return {
    list: entries,
    file(path, limitBytes) {
      const cut = path.lastIndexOf('/')
      const name = path.slice(cut + 1)
      const found = entries(path.slice(0, Math.max(0, cut))).find(
        (one) => !one.isFolder && one.name === name,
      )
      return found && found.sizeBytes <= limitBytes
        ? disk.read(found.block * BLOCK, found.sizeBytes)
        : null
    },
  }
}
