/** Signed Windows programs, with a key made here. */
import { createHash } from 'node:crypto'
import { afterAll, describe, expect, it } from 'vitest'
import { openInspector } from '../../test-kit/inspector.ts'
import { makeSignature, spcDigest } from '../../test-kit/signatures.ts'
import { makeProgram } from '../../test-kit/windows-packages.ts'

const inspector = openInspector()
afterAll(() => inspector.close())
const knowledge = async (bytes: Buffer) => (await inspector.look('a.exe', bytes)).knowledge!

const CHECKSUM_AT = 0x80 + 24 + 64
const ENTRY_AT = 0x80 + 24 + 112 + 8 * 4

/** As signtool signs: the checksum, the place of the signature and the signature itself are not covered. */
async function signed(): Promise<Buffer> {
  const whole = makeProgram({ strings: {}, overlay: Buffer.alloc(600, 'payload') })
  const program = Buffer.concat([whole, Buffer.alloc((8 - (whole.length % 8)) % 8)])
  const digest = createHash('sha256')
    .update(program.subarray(0, CHECKSUM_AT))
    .update(program.subarray(CHECKSUM_AT + 4, ENTRY_AT))
    .update(program.subarray(ENTRY_AT + 8))
    .digest()
  const signature = await makeSignature('Ann Onym, Ltd', spcDigest(digest))
  const table = Buffer.alloc(8 + Math.ceil(signature.length / 8) * 8)
  table.writeUInt32LE(table.length, 0)
  table.writeUInt16LE(0x200, 4)
  table.writeUInt16LE(2, 6)
  signature.copy(table, 8)
  program.writeUInt32LE(program.length, ENTRY_AT)
  program.writeUInt32LE(table.length, ENTRY_AT + 4)
  program.writeUInt32LE(0x1234, CHECKSUM_AT)
  return Buffer.concat([program, table])
}

describe('a signed program', async () => {
  const genuine = await signed()

  it('names its signer, who is also its publisher if it names none', async () => {
    const found = await knowledge(genuine)
    expect(found.signer).toEqual({ name: 'Ann Onym, Ltd', state: 'valid_digest' })
    expect(found.facts.publisher).toEqual({ value: 'Ann Onym, Ltd', level: 'guess', source: 'signature' }) // prettier-ignore
  })

  it.each([
    ['in its code', 1_500],
    ['in its header', 0x84 + 8],
    ['in what is appended to it', -1],
  ])('that was changed %s is marked, and its signer is no publisher', async (_where, at) => {
    const changed = Buffer.from(genuine)
    const end = changed.readUInt32LE(ENTRY_AT)
    changed[at < 0 ? end + at : at]! ^= 1
    const found = await knowledge(changed)
    expect(found.signer).toEqual({ name: 'Ann Onym, Ltd', state: 'tampered' })
    expect(found.warnings.map(({ code }) => code)).toContain('tampered')
    expect(found.facts.publisher).toBeUndefined()
  })

  it('whose signature is unreadable is unchecked', async () => {
    const damaged = Buffer.from(genuine)
    damaged.fill(0, damaged.readUInt32LE(ENTRY_AT) + 8)
    expect((await knowledge(damaged)).signer).toEqual({ name: '', state: 'unchecked' })
  })
})
