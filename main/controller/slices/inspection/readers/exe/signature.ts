/**
 * Who signed a Windows program, and whether it was changed since (Authenticode: "Windows Authenticode Portable Executable
 * Signature Format", Microsoft, 2008; RFC 2315). The file is compared with the digest that was signed, and the signature with the
 * key in its own certificate. Whether that certificate is trustworthy is not checked.
 */
import { createHash, verify, X509Certificate } from 'node:crypto'
import type { InstallerSigner } from '#shared/contract/rest/installer-knowledge.ts'
import { cleanText } from '../../facts.ts'
import { childrenOf, DER, oidOf, readDer, type Der } from './der.ts'
import type { Program } from './program.ts'
import type { Window } from '../window.ts'

const TABLE_LIMIT_BYTES = 4 * 1024 * 1024
const CHUNK_BYTES = 1024 * 1024
const CERTIFICATE_LIMIT = 64
const HASH_BY_OID: Readonly<Record<string, string>> = {
  '1.2.840.113549.2.5': 'md5',
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
}
const OID_SIGNED_DATA = '1.2.840.113549.1.7.2'
const OID_SPC_INDIRECT_DATA = '1.3.6.1.4.1.311.2.1.4'
const OID_MESSAGE_DIGEST = '1.2.840.113549.1.9.4'

export type Signature = {
  /** The signer's name; empty: the certificate has none. */
  signer: string
  /** The signed digest of the file. */
  digest: Buffer
  /** Of the digest, by its name in node:crypto. */
  algorithm: string
  /** The signature was made with the certificate's key and covers the digest. */
  isConsistent: boolean
}

/** The common name in a subject, or else the organization. Empty: neither. @param subject as node:crypto formats it */
export const signerNameIn = (subject: string): string => {
  const lines = subject.split('\n')
  const part = (key: string) =>
    lines
      .find((line) => line.startsWith(`${key}=`))
      ?.slice(key.length + 1)
      .replaceAll(/\\(.)/g, '$1')
  return cleanText(part('CN') ?? part('O') ?? '', 200)
}

function hashNameOf(element: Der | undefined): string {
  const name = element ? HASH_BY_OID[oidOf(childrenOf(element)[0]!)] : undefined
  if (!name) throw new RangeError('unknown digest')
  return name
}

/** Whether the signed attributes have the digest of the content, and their own signature is valid. */
function isConsistent(
  signerInfo: Der[],
  content: Buffer,
  key: X509Certificate['publicKey'],
): boolean {
  const algorithm = hashNameOf(signerInfo[2])
  const attributes = signerInfo.find(({ tag }) => tag === DER.context0)
  const signature = signerInfo.find(({ tag }) => tag === DER.octets)
  if (!attributes || !signature) return false
  for (const attribute of childrenOf(attributes)) {
    const [type, values] = childrenOf(attribute)
    if (!type || !values || oidOf(type) !== OID_MESSAGE_DIGEST) continue
    const [stated] = childrenOf(values)
    if (!stated?.content.equals(createHash(algorithm).update(content).digest())) return false
    // RFC 2315, 9.3: the tag of a set is signed instead of the stored one.
    const signed = Buffer.from(attributes.whole)
    signed[0] = DER.set
    return verify(algorithm, signed, key, signature.content)
  }
  return false
}

/** @param bytes a PKCS #7 structure. @throws RangeError or an error of node:crypto when it is damaged or of an unsupported kind */
export function parseSignature(bytes: Buffer): Signature {
  const [type, wrappedData] = childrenOf(readDer(bytes))
  if (!type || !wrappedData || oidOf(type) !== OID_SIGNED_DATA)
    throw new RangeError('no signed data')
  const parts = childrenOf(readDer(wrappedData.content))
  const [contentType, wrappedContent] = childrenOf(parts[2]!)
  if (!wrappedContent || oidOf(contentType!) !== OID_SPC_INDIRECT_DATA)
    throw new RangeError('no digest')
  const content = readDer(wrappedContent.content)
  const [digestAlgorithm, digest] = childrenOf(childrenOf(content)[1]!)
  if (digest?.tag !== DER.octets) throw new RangeError('no digest')
  const certificates = parts.slice(3).find(({ tag }) => tag === DER.context0)
  const signers = parts.slice(3).find(({ tag }) => tag === DER.set)
  const signerInfo = childrenOf(childrenOf(signers!)[0]!)
  const [issuer, serial] = childrenOf(signerInfo[1]!)
  const certificate = (certificates ? childrenOf(certificates) : [])
    .slice(0, CERTIFICATE_LIMIT)
    .find((one) => {
      const fields = childrenOf(childrenOf(one)[0]!)
      const from = fields[0]?.tag === DER.context0 ? 1 : 0
      return (
        fields[from]?.whole.equals(serial!.whole) && fields[from + 2]?.whole.equals(issuer!.whole)
      )
    })
  if (!certificate) throw new RangeError('no certificate')
  const x509 = new X509Certificate(certificate.whole)
  return {
    signer: signerNameIn(x509.subject),
    digest: digest.content,
    algorithm: hashNameOf(digestAlgorithm),
    isConsistent: isConsistent(signerInfo, content.content, x509.publicKey),
  }
}

/**
 * The digest of the file without its checksum, the directory entry of its signature, and the signature itself. Null: the time for
 * optional work ran out, or the file is cut off.
 */
function authenticodeDigest(window: Window, program: Program, algorithm: string): Buffer | null {
  const { certificate, facts } = program
  const hash = createHash(algorithm)
  // Positions in the optional header, which follows the 24 bytes of signature and COFF header.
  const checksumAt = facts.peAt + 24 + 64
  const magic = window.read(facts.peAt + 24, 2).readUInt16LE(0)
  const entryAt = facts.peAt + 24 + (magic === 0x20b ? 112 : 96) + 8 * 4
  const parts = [
    [0, checksumAt],
    [checksumAt + 4, entryAt],
    [entryAt + 8, certificate!.at],
    [certificate!.at + certificate!.sizeBytes, window.sizeBytes],
  ] as const
  window.spend(CHUNK_BYTES)
  const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES)
  for (const [from, to] of parts)
    for (let at = from; at < to;) {
      if (window.leftMs() === 0) return null
      const count = window.fill(chunk.subarray(0, Math.min(CHUNK_BYTES, to - at)), at)
      if (count === 0) return null
      hash.update(chunk.subarray(0, count))
      at += count
    }
  return hash.digest()
}

/** @throws AppError E_PACKAGE_LIMIT */
export function signerOf(program: Program): InstallerSigner {
  const { window, certificate } = program
  if (!certificate) return { name: '', state: 'unsigned' }
  const unchecked = { name: '', state: 'unchecked' } as const
  if (certificate.sizeBytes > TABLE_LIMIT_BYTES || certificate.sizeBytes < 8) return unchecked
  const table = window.read(certificate.at, certificate.sizeBytes)
  const isPkcs7 = table.length >= 8 && table.readUInt16LE(6) === 2
  if (!isPkcs7) return unchecked
  try {
    const signature = parseSignature(
      table.subarray(8, Math.min(table.readUInt32LE(0), table.length)),
    )
    const name = signature.signer
    if (!signature.isConsistent) return { name, state: 'tampered' }
    const digest = authenticodeDigest(window, program, signature.algorithm)
    if (digest === null) return { name, state: 'unchecked' }
    return { name, state: digest.equals(signature.digest) ? 'valid_digest' : 'tampered' }
  } catch (error) {
    // A limit that is exceeded ends the inspection; a damaged or unsupported signature stays unchecked.
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('E_'))
      throw error
    return unchecked
  }
}
