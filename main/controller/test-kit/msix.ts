/** MSIX packages for tests: a zip archive with the digests of its files. */
import { createHash } from 'node:crypto'
import { makeSignature, spcDigest } from './signatures.ts'
import { makeZipOf } from './zip-files.ts'

const BLOCK_BYTES = 64 * 1024
type Files = Readonly<Record<string, string | Buffer>>

/** The block map of these files. */
export function makeBlockMap(files: Files): string {
  const blocks = (bytes: Buffer): string =>
    Array.from({ length: Math.ceil(bytes.length / BLOCK_BYTES) }, (_none, i) => {
      const block = bytes.subarray(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES)
      return `<Block Hash="${createHash('sha256').update(block).digest('base64')}"/>`
    }).join('')
  const described = Object.entries(files).map(
    ([name, content]) =>
      `<File Name="${decodeURIComponent(name).replaceAll('/', '\\')}" Size="${content.length}">${blocks(Buffer.from(content))}</File>`,
  )
  return `<BlockMap xmlns="http://schemas.microsoft.com/appx/2010/blockmap" HashMethod="http://www.w3.org/2001/04/xmlenc#sha256">${described.join('')}</BlockMap>`
}

/** @param signer signs the block map */
export async function makeMsix(files: Files, signer?: string): Promise<Buffer> {
  const map = makeBlockMap(files)
  const parts = Buffer.concat([
    Buffer.from('APPXAXPC'),
    Buffer.alloc(32),
    Buffer.from('AXBM'),
    createHash('sha256').update(map).digest(),
  ])
  const signature = signer === undefined ? null : await makeSignature(signer, spcDigest(parts))
  return makeZipOf({
    ...files,
    'AppxBlockMap.xml': map,
    '[Content_Types].xml': '<Types/>',
    ...(signature ? { 'AppxSignature.p7x': Buffer.concat([Buffer.from('PKCX'), signature]) } : {}),
  })
}
