/** HFS+ (Apple, Technical Note TN1150). Looks files up in the catalog; files in more than eight pieces are not read. */
import { unreadable } from '../../facts.ts'
import { Unsupported, type Disk, type Volume, type VolumeEntry } from './volume.ts'

const HEADER_AT = 1024
const CATALOG_FORK_AT = 272
const ROOT_FOLDER = 2
const LEAF = -1
const INDEX = 0
const FOLDER = 1
const FILE = 2
const DATA_FORK_AT = 88
/** Nodes that one lookup may read. */
const NODE_LIMIT = 2_000
const DEPTH_LIMIT = 16

type Fork = { sizeBytes: number; extents: { from: number; bytes: number }[] }
type Entry = VolumeEntry & { id: number; fork: Fork | null }
const damaged = () => unreadable('the file system in it is damaged')

/** Null when there is no such file system at `from`. */
export function openHfsPlus(disk: Disk, from: number): Volume | null {
  const header = disk.read(from + HEADER_AT, 512)
  if (header.length < 512 || !['H+', 'HX'].includes(header.toString('latin1', 0, 2))) return null
  const blockBytes = header.readUInt32BE(40)
  if (blockBytes < 512 || blockBytes > 1024 * 1024) throw damaged()

  function forkAt(bytes: Buffer, at: number): Fork {
    const extents = []
    for (let i = 0; i < 8; i++) {
      const count = bytes.readUInt32BE(at + 20 + 8 * i)
      const start = bytes.readUInt32BE(at + 16 + 8 * i)
      if (count > 0) extents.push({ from: from + start * blockBytes, bytes: count * blockBytes })
    }
    return { sizeBytes: Number(bytes.readBigUInt64BE(at)), extents }
  }
  function readFork({ extents }: Fork, position: number, length: number): Buffer {
    const pieces: Buffer[] = []
    let [skip, left] = [position, length]
    for (const extent of extents) {
      if (left === 0) break
      if (skip >= extent.bytes) {
        skip -= extent.bytes
        continue
      }
      const bytes = Math.min(left, extent.bytes - skip)
      const piece = disk.read(extent.from + skip, bytes)
      if (piece.length < bytes) throw damaged()
      pieces.push(piece)
      left -= bytes
      skip = 0
    }
    if (left > 0) throw new Unsupported('a file in it is in many pieces')
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
  }

  const catalog = forkAt(header, CATALOG_FORK_AT)
  const treeHead = readFork(catalog, 0, 512)
  const nodeBytes = treeHead.readUInt16BE(32)
  if (nodeBytes < 512 || nodeBytes > 32 * 1024) throw damaged()
  const rootNode = treeHead.readUInt32BE(16)
  let nodesRead = 0

  function nodeAt(number: number) {
    if (++nodesRead > NODE_LIMIT) throw damaged()
    const bytes = readFork(catalog, number * nodeBytes, nodeBytes)
    if (bytes.length < nodeBytes) throw damaged()
    const count = bytes.readUInt16BE(10)
    if (14 + 2 * count > nodeBytes) throw damaged()
    const records = Array.from({ length: count }, (_, i) => {
      const at = bytes.readUInt16BE(nodeBytes - 2 * (i + 1))
      const keyBytes = at + 8 <= nodeBytes ? bytes.readUInt16BE(at) : 0
      const dataAt = at + 2 + keyBytes + (keyBytes % 2)
      if (keyBytes < 6 || dataAt + 4 > nodeBytes) throw damaged()
      const nameBytes = Math.min(2 * bytes.readUInt16BE(at + 6), keyBytes - 6) & ~1
      const name = Buffer.from(bytes.subarray(at + 8, at + 8 + nameBytes))
        .swap16()
        .toString('utf16le')
      return { parent: bytes.readUInt32BE(at + 2), name, dataAt }
    })
    return { bytes, kind: bytes.readInt8(8), next: bytes.readUInt32BE(0), records }
  }
  /** The first leaf that may hold children of this folder. */
  function leafFor(folder: number) {
    let node = nodeAt(rootNode)
    for (let depth = 0; node.kind === INDEX; depth++) {
      if (depth > DEPTH_LIMIT) throw damaged()
      const before = node.records.filter(({ parent }) => parent < folder).at(-1) ?? node.records[0]
      if (!before) throw damaged()
      node = nodeAt(node.bytes.readUInt32BE(before.dataAt))
    }
    if (node.kind !== LEAF) throw damaged()
    return node
  }
  function entryAt(bytes: Buffer, at: number, name: string): Entry | null {
    const kind = bytes.readUInt16BE(at)
    if (kind !== FOLDER && kind !== FILE) return null
    if (at + (kind === FILE ? DATA_FORK_AT + 80 : 12) > bytes.length) throw damaged()
    const fork = kind === FILE ? forkAt(bytes, at + DATA_FORK_AT) : null
    const id = bytes.readUInt32BE(at + 8)
    return { name, isFolder: kind === FOLDER, id, fork, sizeBytes: fork?.sizeBytes ?? 0 }
  }
  function childrenOf(folder: number): Entry[] {
    const found: Entry[] = []
    nodesRead = 0
    for (let node = leafFor(folder); ; node = nodeAt(node.next)) {
      for (const { parent, name, dataAt } of node.records) {
        if (parent > folder) return found
        const entry = parent === folder ? entryAt(node.bytes, dataAt, name) : null
        if (entry) found.push(entry)
      }
      if (node.next === 0) return found
    }
  }
  const entries = (path: string): Entry[] => {
    let folder = ROOT_FOLDER
    for (const part of path.split('/').filter((name) => name !== '')) {
      const next = childrenOf(folder).find((one) => one.isFolder && one.name === part)
      if (!next) return []
      folder = next.id
    }
    return childrenOf(folder)
  }
  return {
    list: entries,
    file(path, limitBytes) {
      const cut = path.lastIndexOf('/')
      const name = path.slice(cut + 1)
      const found = entries(path.slice(0, Math.max(0, cut))).find(
        (one) => !one.isFolder && one.name === name,
      )
      return found?.fork && found.sizeBytes <= limitBytes
        ? readFork(found.fork, 0, found.sizeBytes)
        : null
    },
  }
}
