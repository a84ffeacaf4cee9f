/** Windows programs signed with a key made for the test. */
import { createHash } from 'node:crypto'
import { makeSignature, spcDigest } from '../signatures.ts'
import { makeProgram } from '../windows-packages.ts'

const CHECKSUM_AT = 0x80 + 24 + 64
export const CERTIFICATE_ENTRY_AT = 0x80 + 24 + 112 + 8 * 4

/** As signtool signs: the checksum, the place of the signature and the signature itself are not covered. */
export async function signProgram(unsigned: Buffer, signer: string): Promise<Buffer> {
  const program = Buffer.concat([unsigned, Buffer.alloc((8 - (unsigned.length % 8)) % 8)])
  const digest = createHash('sha256')
    .update(program.subarray(0, CHECKSUM_AT))
    .update(program.subarray(CHECKSUM_AT + 4, CERTIFICATE_ENTRY_AT))
    .update(program.subarray(CERTIFICATE_ENTRY_AT + 8))
    .digest()
  const signature = await makeSignature(signer, spcDigest(digest))
  const table = Buffer.alloc(8 + Math.ceil(signature.length / 8) * 8)
  table.writeUInt32LE(table.length, 0)
  table.writeUInt16LE(0x200, 4)
  table.writeUInt16LE(2, 6)
  signature.copy(table, 8)
  program.writeUInt32LE(program.length, CERTIFICATE_ENTRY_AT)
  program.writeUInt32LE(table.length, CERTIFICATE_ENTRY_AT + 4)
  program.writeUInt32LE(0x1234, CHECKSUM_AT)
  return Buffer.concat([program, table])
}

export const makeSignedProgram = (signer: string): Promise<Buffer> =>
  signProgram(makeProgram({ strings: {}, overlay: Buffer.alloc(600, 'payload') }), signer)
