/** macOS packages made byte by byte, for tests: an xar archive with an XML table of contents. */
import { deflateSync } from 'node:zlib'

type Part = { name: string; text: string; packed?: boolean }
/** A product or component of these files, packed as Apple's tools do. */
export function makePkg(parts: Part[], wrap = (files: string) => files): Buffer {
  let offset = 20 // after the checksum
  const heap: Buffer[] = [Buffer.alloc(20)]
  const files = parts.map(({ name, text, packed = true }, i) => {
    const bytes = packed ? deflateSync(text) : Buffer.from(text)
    const style = packed ? 'application/x-gzip' : 'application/octet-stream'
    heap.push(bytes)
    const file = `<file id="${i + 1}"><data><extracted-checksum style="sha1">00</extracted-checksum><length>${bytes.length}</length><encoding style="${style}"/><offset>${offset}</offset><size>${text.length}</size></data><type>file</type><name>${name}</name></file>`
    offset += bytes.length
    return file
  })
  const toc = `<?xml version="1.0" encoding="UTF-8"?>\n<xar><toc><creation-time>2026-01-01T00:00:00</creation-time>${wrap(files.join(''))}</toc></xar>`
  return makeXar(toc, heap)
}

/** An xar archive with any table of contents. */
export function makeXar(toc: string | Buffer, heap: Buffer[] = []): Buffer {
  const packed = deflateSync(toc)
  const header = Buffer.alloc(28)
  header.write('xar!', 0, 'latin1')
  header.writeUInt16BE(28, 4)
  header.writeUInt16BE(1, 6)
  header.writeBigUInt64BE(BigInt(packed.length), 8)
  header.writeBigUInt64BE(BigInt(toc.length), 16)
  header.writeUInt32BE(1, 24)
  return Buffer.concat([header, packed, ...heap])
}
