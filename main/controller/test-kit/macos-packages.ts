/** macOS packages made byte by byte, for tests: an xar archive with an XML table of contents. */
import { createHash } from 'node:crypto'
import { deflateSync, inflateSync } from 'node:zlib'
import { makeSigner } from './signatures.ts'

/** `folder`: it lies in a folder of this name. */
type Part = { name: string; text: string; packed?: boolean; folder?: string }
/** A product or component of these files, packed as Apple's tools do. */
export function makePkg(parts: Part[], wrap = (files: string) => files): Buffer {
  let offset = 20 // after the checksum
  const heap: Buffer[] = [Buffer.alloc(20)]
  const files = parts.map(({ name, text, packed = true, folder }, i) => {
    const bytes = packed ? deflateSync(text) : Buffer.from(text)
    const style = packed ? 'application/x-gzip' : 'application/octet-stream'
    heap.push(bytes)
    const sum = createHash('sha1').update(bytes).digest('hex')
    const file = `<file id="${i + 1}"><data><archived-checksum style="sha1">${sum}</archived-checksum><length>${bytes.length}</length><encoding style="${style}"/><offset>${offset}</offset><size>${Buffer.byteLength(text)}</size></data><type>file</type><name>${name}</name></file>`
    offset += bytes.length
    return folder === undefined
      ? file
      : `<file id="f${i}"><name>${folder}</name><type>directory</type>${file}</file>`
  })
  const toc = `<?xml version="1.0" encoding="UTF-8"?>\n<xar><toc><creation-time>2026-01-01T00:00:00</creation-time>${wrap(files.join(''))}</toc></xar>`
  return makeXar(toc, heap)
}

/** A product signed by a certificate with this common name. The signature follows the files. */
export async function makeSignedPkg(signer: string, parts: Part[]): Promise<Buffer> {
  const { certificate, sign } = await makeSigner(signer)
  const unsigned = makePkg(parts)
  const tocBytes = Number(unsigned.readBigUInt64BE(8))
  const heap = unsigned.subarray(28 + tocBytes)
  const xml = inflateSync(unsigned.subarray(28, 28 + tocBytes)).toString()
  const signed = xml.replace(
    '<toc>',
    `<toc><checksum style="sha1"><offset>0</offset><size>20</size></checksum><signature style="RSA"><offset>${heap.length}</offset><size>256</size><KeyInfo><X509Data><X509Certificate>${certificate.toString('base64')}</X509Certificate></X509Data></KeyInfo></signature>`,
  )
  const toc = deflateSync(signed)
  createHash('sha1').update(toc).digest().copy(heap)
  return makeXar(signed, [heap, sign('sha1', toc)])
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
