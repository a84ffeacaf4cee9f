/**
 * The block map of an MSIX package: SHA-256 of every 64 KiB of each file (learn.microsoft.com/uwp/schemas/blockmapschema). Windows
 * refuses a package whose files differ from it.
 */
import { createHash } from 'node:crypto'
import { AppError } from '#shared/contract/errors.ts'
import type { Window } from './window.ts'
import { elementsOf, parseXml } from './xml.ts'
import { listZip, type ZipEntry } from './zip.ts'

export const BLOCK_MAP = 'AppxBlockMap.xml'
const SHA256 = 'http://www.w3.org/2001/04/xmlenc#sha256'
const BLOCK_BYTES = 64 * 1024
/** Files that are made after the block map. */
const WITHOUT_BLOCKS = [BLOCK_MAP, '[Content_Types].xml', 'AppxSignature.p7x']
/** Packages in a bundle have block maps of their own. */
const OWN_MAP = /\.(?:msix|appx)$/i
const CODE_INTEGRITY = 'AppxMetadata/CodeIntegrity.cat'

/** `unchecked`: it takes too long, or is described in an unknown way. */
export type BlockState = 'same' | 'changed' | 'unchecked'

/** Names in the block map are paths of Windows, those in the archive are parts of URLs. */
function pathOf(name: string): string {
  try {
    return decodeURIComponent(name).replaceAll('\\', '/')
  } catch {
    return name.replaceAll('\\', '/')
  }
}

/** @returns null when no time is left */
function isSame(entry: ZipEntry, blocks: readonly string[], window: Window): boolean | null {
  let index = 0
  let [hash, filled] = [createHash('sha256'), 0]
  let isEqual = true
  let isLate = false
  const endBlock = (): void => {
    isEqual &&= hash.digest('base64') === blocks[index++]
    ;[hash, filled] = [createHash('sha256'), 0]
  }
  const isWhole = entry.stream((piece) => {
    for (let at = 0; at < piece.length && isEqual;) {
      const part = piece.subarray(at, at + BLOCK_BYTES - filled)
      hash.update(part)
      filled += part.length
      at += part.length
      if (filled === BLOCK_BYTES) endBlock()
    }
    isLate = window.leftMs() === 0
    return isEqual && !isLate
  })
  if (isLate) return null
  if (filled > 0) endBlock()
  return isWhole && isEqual && index === blocks.length
}

/** @param map the bytes of `AppxBlockMap.xml` @throws AppError E_PACKAGE_LIMIT */
export async function checkBlocks(window: Window, map: Buffer): Promise<BlockState> {
  let described: Map<string, string[]>
  try {
    const root = parseXml(map.toString('utf8').replace(/^\ufeff/, '')).children[0]
    if (root?.name !== 'BlockMap' || root.attributes.HashMethod !== SHA256) return 'unchecked'
    described = new Map(
      elementsOf(root, 'File').map((file) => [
        pathOf(file.attributes.Name ?? ''),
        elementsOf(file, 'Block').map(({ attributes }) => attributes.Hash ?? ''),
      ]),
    )
  } catch (error) {
    if (error instanceof AppError && error.code === 'E_PACKAGE_LIMIT') throw error
    return 'changed'
  }
  const entries = (await listZip(window)) ?? []
  const files = entries.filter(({ name }) => !name.endsWith('/') && !WITHOUT_BLOCKS.includes(name))
  const names = new Set(files.map(({ name }) => pathOf(name)))
  if (![...described.keys()].every((name) => names.has(name))) return 'changed'
  let state: BlockState = 'same'
  for (const file of files) {
    const blocks = described.get(pathOf(file.name))
    if (!blocks && (file.name === CODE_INTEGRITY || OWN_MAP.test(file.name))) continue
    if (!blocks) return 'changed'
    const same = isSame(file, blocks, window)
    if (same === false) return 'changed'
    if (same === null) state = 'unchecked'
    if (window.leftMs() === 0) return 'unchecked'
  }
  return state
}

/** The digest of the block map in the package's signature: `APPX`, then four letters and a digest for each part. Null: none. */
export function signedMapDigest(digest: Buffer): Buffer | null {
  if (digest.toString('latin1', 0, 4) !== 'APPX') return null
  for (let at = 4; at + 36 <= digest.length; at += 36)
    if (digest.toString('latin1', at, at + 4) === 'AXBM') return digest.subarray(at + 4, at + 36)
  return null
}
