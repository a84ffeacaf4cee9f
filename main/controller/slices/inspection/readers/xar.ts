/**
 * xar archives, the container of macOS packages (github.com/mackyle/xar/wiki/xarformat): a table of contents in XML, then the heap
 * with the files and the signature. Whether the signer is trustworthy is not checked.
 */
import { createHash, verify, X509Certificate } from 'node:crypto'
import type { InstallerSigner } from '#shared/contract/rest/installer-knowledge.ts'
import { quoted } from '#shared/domain/archive-rule.ts'
import { unreadable } from '../facts.ts'
import { signerNameIn } from './exe/signature.ts'
import { inflated } from './unpack.ts'
import type { Window } from './window.ts'
import { childOf, elementsOf, parseXml, type XmlElement } from './xml.ts'

const HEADER_BYTES = 28
const TOC_LIMIT_BYTES = 16 * 1024 * 1024
const SIGNATURE_LIMIT_BYTES = 64 * 1024
const PIECE_BYTES = 1024 * 1024
const PATH_LIMIT = 1024
const DIGESTS: readonly string[] = ['sha1', 'sha256', 'sha512']

export type XarFile = {
  /** `component.pkg/PackageInfo` */
  path: string
  offset: number
  /** In the archive. */
  length: number
  /** Unpacked. */
  size: number
  isPacked: boolean
  /** Of its bytes in the archive. */
  digest: { algorithm: string; hex: string } | null
}
export type Xar = {
  files: readonly XarFile[]
  /** @throws AppError E_PACKAGE_UNREADABLE when it is damaged, or larger than `limitBytes` */
  text: (file: XarFile, limitBytes: number) => string
  signer: () => InstallerSigner
}

/** A whole number in the table of contents; NaN when missing. */
const numberIn = (parent: XmlElement | undefined, name: string): number => {
  const text = childOf(parent, name)?.text.trim() ?? ''
  return /^\d{1,16}$/.test(text) ? Number(text) : NaN
}
const digestIn = (parent: XmlElement | undefined, name: string): XarFile['digest'] => {
  const found = childOf(parent, name)
  const algorithm = found?.attributes['style']?.toLowerCase() ?? ''
  return found && DIGESTS.includes(algorithm)
    ? { algorithm, hex: found.text.trim().toLowerCase() }
    : null
}

/** Files at any depth. The parser limits the depth. */
function filesIn(parent: XmlElement, folder: string): XarFile[] {
  return parent.children
    .filter(({ name }) => name === 'file')
    .flatMap((file) => {
      const path = `${folder}${childOf(file, 'name')?.text.trim() ?? ''}`.slice(0, PATH_LIMIT)
      const inner = filesIn(file, `${path}/`)
      const data = childOf(file, 'data')
      const [offset, length] = [numberIn(data, 'offset'), numberIn(data, 'length')]
      const style = childOf(data, 'encoding')?.attributes['style']
      if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length)) return inner
      if (style !== undefined && !/gzip|octet-stream/.test(style)) return inner
      const size = numberIn(data, 'size')
      const isPacked = /gzip/.test(style ?? '')
      const digest = digestIn(data, 'archived-checksum')
      return [{ path, offset, length, size, isPacked, digest }, ...inner]
    })
}

function certificateOf(bytes: Buffer): X509Certificate | null {
  try {
    return new X509Certificate(bytes)
  } catch {
    return null
  }
}

/** @throws AppError E_PACKAGE_UNREADABLE with the problem, E_PACKAGE_LIMIT */
export function openXar(window: Window): Xar {
  const header = window.read(0, HEADER_BYTES)
  if (header.length < HEADER_BYTES) throw unreadable('it is cut off within its header')
  const headerBytes = header.readUInt16BE(4)
  const packedBytes = Number(header.readBigUInt64BE(8))
  const heapAt = headerBytes + packedBytes
  if (headerBytes < HEADER_BYTES || packedBytes > TOC_LIMIT_BYTES || heapAt > window.sizeBytes)
    throw unreadable('its table of contents is damaged, or it is cut off')
  const packedToc = window.read(headerBytes, packedBytes)
  const xml = inflated(packedToc, TOC_LIMIT_BYTES, 'its table of contents', window)
  const document = parseXml(xml.toString('utf8'))
  const toc = elementsOf(document, 'toc')[0]
  const files = toc ? filesIn(toc, '') : []
  for (const { offset, length } of files)
    if (heapAt + offset + length > window.sizeBytes)
      throw unreadable('it is cut off: a file in it is missing')
  for (const part of toc?.children ?? [])
    if (/^(?:checksum|(?:x-)?signature)$/.test(part.name))
      if (heapAt + numberIn(part, 'offset') + numberIn(part, 'size') > window.sizeBytes)
        throw unreadable(`it is cut off: its ${part.name} is missing`)

  /** Whether the files are what the table of contents says; null: not all can be compared, or there is no time. */
  function areFilesUnchanged(): boolean | null {
    const buffer = Buffer.alloc(PIECE_BYTES)
    for (const { offset, length, digest } of files) {
      if (!digest) return null
      const hash = createHash(digest.algorithm)
      for (let at = 0; at < length; at += PIECE_BYTES) {
        if (window.leftMs() === 0) return null
        const piece = buffer.subarray(0, Math.min(PIECE_BYTES, length - at))
        window.fill(piece, heapAt + offset + at)
        hash.update(piece)
      }
      if (hash.digest('hex') !== digest.hex) return false
    }
    return true
  }
  /** Whether the signature and the checksum belong to the table of contents; null: they cannot be compared. */
  function isTocUnchanged(signature: XmlElement, certificate: X509Certificate): boolean | null {
    const checksum = childOf(toc, 'checksum')
    const algorithm = checksum?.attributes['style']?.toLowerCase() ?? ''
    const [offset, size] = [numberIn(signature, 'offset'), numberIn(signature, 'size')]
    const [sumOffset, sumSize] = [numberIn(checksum, 'offset'), numberIn(checksum, 'size')]
    const isReadable = [offset, size, sumOffset, sumSize].every(Number.isSafeInteger)
    if (!isReadable || size > SIGNATURE_LIMIT_BYTES || sumSize > 64) return null
    if (!DIGESTS.includes(algorithm)) return null
    const stored = window.read(heapAt + sumOffset, sumSize)
    if (!stored.equals(createHash(algorithm).update(packedToc).digest())) return false
    const bytes = window.read(heapAt + offset, size)
    try {
      return verify(algorithm, packedToc, certificate.publicKey, bytes)
    } catch {
      return null
    }
  }
  function signer(): InstallerSigner {
    const signature = toc?.children.find(
      ({ name, attributes }) => name === 'signature' && attributes['style'] === 'RSA',
    )
    const encoded = signature ? elementsOf(signature, 'X509Certificate')[0]?.text : undefined
    if (!signature || encoded === undefined) {
      const isSigned = toc?.children.some(({ name }) => /^(?:x-)?signature$/.test(name)) === true
      return { name: '', state: isSigned ? 'unchecked' : 'unsigned' }
    }
    const certificate = certificateOf(Buffer.from(encoded, 'base64'))
    if (!certificate) return { name: '', state: 'unchecked' }
    const isTocSame = isTocUnchanged(signature, certificate)
    const isSame = isTocSame === true ? areFilesUnchanged() : isTocSame
    const state = isSame === null ? 'unchecked' : isSame ? 'valid_digest' : 'tampered'
    return { name: signerNameIn(certificate.subject), state }
  }

  return {
    files,
    signer,
    text(file, limitBytes) {
      const unpackedBytes = file.isPacked ? file.size : file.length
      if (file.length > limitBytes || unpackedBytes > limitBytes)
        throw unreadable(`${quoted(file.path.slice(-100))} in it is larger than is read`)
      const bytes = window.read(heapAt + file.offset, file.length)
      if (!file.isPacked) return bytes.toString('utf8')
      const limit = Number.isSafeInteger(file.size) ? Math.max(1, file.size) : limitBytes
      return inflated(bytes, limit, file.path, window).toString('utf8')
    },
  }
}
