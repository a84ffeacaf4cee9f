/** Cabinets ([MS-CAB]) of one folder, made byte by byte for tests. */
import { deflateRawSync } from 'node:zlib'

const BLOCK_BYTES = 32 * 1024

/**
 * @param files in their order
 * @param pack a block of at most 32 KiB; `method` is what the folder says about it
 */
export function makeCabinet(
  files: Readonly<Record<string, Buffer>>,
  { method, pack }: { method: number; pack: (block: Buffer, before: Buffer) => Buffer } = MSZIP,
): Buffer {
  const whole = Buffer.concat(Object.values(files))
  const blocks: Buffer[] = []
  for (let at = 0; at < whole.length; at += BLOCK_BYTES) {
    const block = whole.subarray(at, at + BLOCK_BYTES)
    const packed = pack(block, whole.subarray(Math.max(0, at - BLOCK_BYTES), at))
    const head = Buffer.alloc(8)
    head.writeUInt16LE(packed.length, 4)
    head.writeUInt16LE(block.length, 6)
    blocks.push(head, packed)
  }
  let from = 0
  const entries = Object.entries(files).map(([name, bytes]) => {
    const entry = Buffer.alloc(16)
    entry.writeUInt32LE(bytes.length, 0)
    entry.writeUInt32LE(from, 4)
    from += bytes.length
    return Buffer.concat([entry, Buffer.from(`${name}\0`)])
  })
  const header = Buffer.alloc(36)
  header.write('MSCF', 'latin1')
  const folder = Buffer.alloc(8)
  const cabinet = Buffer.concat([header, folder, ...entries, ...blocks])
  const dataAt = header.length + folder.length + Buffer.concat(entries).length
  cabinet.writeUInt32LE(cabinet.length, 8)
  cabinet.writeUInt32LE(header.length + folder.length, 16)
  cabinet[24] = 3
  cabinet[25] = 1
  cabinet.writeUInt16LE(1, 26)
  cabinet.writeUInt16LE(entries.length, 28)
  cabinet.writeUInt32LE(dataAt, 36)
  cabinet.writeUInt16LE(blocks.length / 2, 40)
  cabinet.writeUInt16LE(method, 42)
  return cabinet
}

const MSZIP = {
  method: 1,
  pack: (block: Buffer, before: Buffer): Buffer =>
    Buffer.concat([
      Buffer.from('CK'),
      deflateRawSync(block, before.length > 0 ? { dictionary: before } : {}),
    ]),
}
