/** Disk images of macOS made byte by byte, for tests: one app with an Info.plist on ISO 9660 or HFS+, plain or compressed. */
import { deflateSync } from 'node:zlib'

const BLOCK = 2048
export const infoPlist = (name: string, version: string): Buffer =>
  Buffer.from(
    `<?xml version="1.0"?><plist version="1.0"><dict><key>CFBundleName</key><string>${name}</string><key>Nested</key><dict><key>CFBundleName</key><string>no</string></dict><key>CFBundleShortVersionString</key><string>${version}</string></dict></plist>`,
  )

/** The same in the binary form. */
export function binaryPlist(entries: Record<string, string>): Buffer {
  const texts = Object.entries(entries)
  const objects: Buffer[] = []
  const ascii = (text: string): Buffer =>
    Buffer.concat([Buffer.from([0x5f, 0x10, text.length]), Buffer.from(text, 'latin1')])
  const wide = (text: string): Buffer =>
    Buffer.concat([Buffer.from([0x6f, 0x10, text.length]), Buffer.from(text, 'utf16le').swap16()])
  const count = texts.length
  const references = [...texts.keys()]
    .flatMap((i) => i + 1)
    .concat([...texts.keys()].map((i) => i + 1 + count))
  objects.push(Buffer.from([0xd0 | count, ...references]))
  for (const [key] of texts) objects.push(ascii(key))
  for (const [, value] of texts)
    objects.push(/^[\x20-\x7e]*$/.test(value) ? ascii(value) : wide(value))
  let at = 8
  const offsets = objects.map((object) => {
    const from = at
    at += object.length
    return from
  })
  const table = Buffer.alloc(2 * offsets.length)
  offsets.forEach((offset, i) => table.writeUInt16BE(offset, 2 * i))
  const trailer = Buffer.alloc(32)
  trailer.set([2, 1], 6)
  trailer.writeBigUInt64BE(BigInt(offsets.length), 8)
  trailer.writeBigUInt64BE(BigInt(at), 24)
  return Buffer.concat([Buffer.from('bplist00'), ...objects, table, trailer])
}

/** @param app the name of its folder; null: an empty disk */
export function makeIso(app: string | null, plist: Buffer): Buffer {
  const record = (name: string, block: number, bytes: number, isFolder: boolean): Buffer => {
    const short = Buffer.from(isFolder ? 'A' : 'A.PLI;1')
    const nm = Buffer.concat([
      Buffer.from(['N'.charCodeAt(0), 'M'.charCodeAt(0), 5 + Buffer.byteLength(name), 1, 0]),
      Buffer.from(name),
    ])
    const head = 33 + short.length + (short.length % 2 === 0 ? 1 : 0)
    const whole = Buffer.alloc(head + nm.length + ((head + nm.length) % 2))
    whole[0] = whole.length
    whole.writeUInt32LE(block, 2)
    whole.writeUInt32LE(bytes, 10)
    whole[25] = isFolder ? 2 : 0
    whole[32] = short.length
    short.copy(whole, 33)
    nm.copy(whole, head)
    return whole
  }
  const disk = Buffer.alloc(22 * BLOCK)
  const descriptor = disk.subarray(16 * BLOCK)
  descriptor.write('\x01CD001\x01', 'latin1')
  descriptor.writeUInt32LE(22, 80)
  descriptor.writeUInt32LE(18, 156 + 2)
  descriptor.writeUInt32LE(BLOCK, 156 + 10)
  if (app !== null) record(app, 19, BLOCK, true).copy(disk, 18 * BLOCK)
  record('Contents', 20, BLOCK, true).copy(disk, 19 * BLOCK)
  record('Info.plist', 21, plist.length, false).copy(disk, 20 * BLOCK)
  plist.copy(disk, 21 * BLOCK)
  return disk
}

const HFS_BLOCK = 4096
/** Blocks: 0 header, 1 and 2 catalog, 3 the list. */
export function makeHfsPlus(app: string, plist: Buffer): Buffer {
  const disk = Buffer.alloc(5 * HFS_BLOCK)
  const fork = (at: number, bytes: number, block: number, count: number, into = disk): void => {
    into.writeBigUInt64BE(BigInt(bytes), at)
    into.writeUInt32BE(count, at + 12)
    into.writeUInt32BE(block, at + 16)
    into.writeUInt32BE(count, at + 20)
  }
  disk.write('H+', 1024, 'latin1')
  disk.writeUInt32BE(HFS_BLOCK, 1024 + 40)
  disk.writeUInt32BE(5, 1024 + 44)
  fork(1024 + 272, 2 * HFS_BLOCK, 1, 2)
  const tree = disk.subarray(HFS_BLOCK)
  tree.writeInt8(1, 8)
  tree.writeUInt16BE(1, 14)
  tree.writeUInt32BE(1, 16)
  tree.writeUInt16BE(HFS_BLOCK, 32)
  const leaf = disk.subarray(2 * HFS_BLOCK, 3 * HFS_BLOCK)
  leaf.writeInt8(-1, 8)
  const key = (parent: number, name: string): Buffer => {
    const bytes = Buffer.alloc(8 + 2 * name.length)
    bytes.writeUInt16BE(6 + 2 * name.length, 0)
    bytes.writeUInt32BE(parent, 2)
    bytes.writeUInt16BE(name.length, 6)
    Buffer.from(name, 'utf16le').swap16().copy(bytes, 8)
    return bytes
  }
  const folder = (id: number): Buffer => {
    const bytes = Buffer.alloc(88)
    bytes.writeUInt16BE(1, 0)
    bytes.writeUInt32BE(id, 8)
    return bytes
  }
  const file = Buffer.alloc(248)
  file.writeUInt16BE(2, 0)
  fork(88, plist.length, 3, 1, file)
  const thread = Buffer.from([0, 3, 0, 0, 0, 0, 0, 0])
  const records = [
    [key(1, 'Disk'), folder(2)],
    [key(2, ''), thread],
    [key(2, app), folder(20)],
    [key(20, 'Contents'), folder(21)],
    [key(21, 'Info.plist'), file],
  ].map((parts) => Buffer.concat(parts))
  leaf.writeUInt16BE(records.length, 10)
  let at = 14
  for (const [i, bytes] of records.entries()) {
    leaf.writeUInt16BE(at, HFS_BLOCK - 2 * (i + 1))
    bytes.copy(leaf, at)
    at += bytes.length
  }
  plist.copy(disk, 3 * HFS_BLOCK)
  return disk
}

/** The disk in an image with a trailer. `type`: how its blocks are packed; null: not at all. */
export function makeDmg(disk: Buffer, type: number | null = null): Buffer {
  const half = Math.min(Math.ceil(disk.length / 1024) * 512, disk.length)
  const parts = type === null ? [disk] : [deflateSync(disk.subarray(0, half)), disk.subarray(half)]
  const data = Buffer.concat(parts)
  const table = Buffer.alloc(204 + 3 * 40)
  table.write('mish', 'latin1')
  table.writeUInt32BE(3, 200)
  const run = (
    i: number,
    kind: number,
    from: number,
    bytes: number,
    at: number,
    packed: number,
  ): void => {
    table.writeUInt32BE(kind, 204 + 40 * i)
    for (const [j, value] of [from / 512, bytes / 512, at, packed].entries())
      table.writeBigUInt64BE(BigInt(Math.floor(value)), 204 + 40 * i + 8 + 8 * j)
  }
  if (type !== null) {
    run(0, type, 0, half, 0, parts[0]!.length)
    run(1, 1, half, disk.length - half, parts[0]!.length, disk.length - half)
    run(2, 0xffffffff, disk.length, 0, 0, 0)
  }
  const xml = Buffer.from(
    `<plist version="1.0"><dict><key>resource-fork</key><dict><key>blkx</key><array>${type === null ? '' : `<dict><key>Data</key><data>${table.toString('base64')}</data></dict>`}</array></dict></dict></plist>`,
  )
  const koly = Buffer.alloc(512)
  koly.write('koly', 'latin1')
  koly.writeUInt32BE(512, 8)
  koly.writeBigUInt64BE(BigInt(data.length), 32)
  koly.writeBigUInt64BE(BigInt(data.length), 216)
  koly.writeBigUInt64BE(BigInt(xml.length), 224)
  return Buffer.concat([data, xml, koly])
}
