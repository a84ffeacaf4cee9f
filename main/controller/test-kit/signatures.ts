/** Signatures in the form of PKCS #7, made for tests with a key of their own. */
import 'reflect-metadata'
import { createHash, KeyObject, sign, webcrypto } from 'node:crypto'
import { X509CertificateGenerator } from '@peculiar/x509'

/** An element of DER; lengths up to 64 KiB. */
export function der(tag: number, ...parts: (Buffer | number[])[]): Buffer {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)))
  const { length } = content
  const size = length < 0x80 ? [length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}
const SEQUENCE = 0x30
const SET = 0x31
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'))
const SHA256 = der(SEQUENCE, oid('608648016503040201'), [0x05, 0])
const DATA = oid('2a864886f70d010701')
const SPC_INDIRECT_DATA = oid('2b060104018237020104')

type Signed = { type: Buffer; content: Buffer }

/** What Authenticode signs: the digest of a file. */
export const spcDigest = (digest: Buffer): Signed => ({
  type: SPC_INDIRECT_DATA,
  content: der(
    SEQUENCE,
    der(SEQUENCE, oid('2b06010401823702011e')),
    der(SEQUENCE, SHA256, der(0x04, digest)),
  ),
})
/** Any bytes. */
export const plainData = (bytes: Buffer): Signed => ({ type: DATA, content: der(0x04, bytes) })

/** A new key with a certificate for it. */
export async function makeSigner(name: string) {
  const algorithm = {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
  }
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await X509CertificateGenerator.createSelfSigned(
    { name: [{ CN: [name] }], serialNumber: '0123', keys, signingAlgorithm: algorithm },
    webcrypto,
  )
  return {
    certificate: Buffer.from(certificate.rawData),
    issuer: Buffer.from(certificate.issuerName.toArrayBuffer()),
    sign: (hash: string, bytes: Buffer): Buffer =>
      sign(hash, bytes, KeyObject.from(keys.privateKey)),
  }
}

/** A signature over this content, by a certificate with this common name. */
export async function makeSignature(signer: string, { type, content }: Signed): Promise<Buffer> {
  const { certificate: raw, issuer, sign: signWith } = await makeSigner(signer)
  // The content without its tag and length.
  const value = content.subarray(content[1]! < 0x80 ? 2 : 4)
  const attributes = [
    der(SEQUENCE, oid('2a864886f70d010903'), der(SET, type)),
    der(
      SEQUENCE,
      oid('2a864886f70d010904'),
      der(SET, der(0x04, createHash('sha256').update(value).digest())),
    ),
  ]
  const signature = signWith('sha256', der(SET, ...attributes))
  const info = der(
    SEQUENCE,
    [0x02, 1, 1],
    der(SEQUENCE, issuer, der(0x02, Buffer.from('0123', 'hex'))),
    SHA256,
    der(0xa0, ...attributes),
    der(SEQUENCE, oid('2a864886f70d010101'), [0x05, 0]),
    der(0x04, signature),
  )
  return der(
    SEQUENCE,
    oid('2a864886f70d010702'),
    der(
      0xa0,
      der(
        SEQUENCE,
        [0x02, 1, 1],
        der(SET, SHA256),
        der(SEQUENCE, type, der(0xa0, content)),
        der(0xa0, raw),
        der(SET, info),
      ),
    ),
  )
}
