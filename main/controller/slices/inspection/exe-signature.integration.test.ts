/** Signed Windows programs, with a key made here. */
import { afterAll, describe, expect, it } from 'vitest'
import { openInspector } from '../../test-kit/inspector.ts'
import {
  CERTIFICATE_ENTRY_AT as ENTRY_AT,
  makeSignedProgram,
} from '../../test-kit/windows/signed.ts'

const inspector = openInspector()
afterAll(() => inspector.close())
const knowledge = async (bytes: Buffer) => (await inspector.look('a.exe', bytes)).knowledge!

describe('a signed program', async () => {
  const genuine = await makeSignedProgram('Ann Onym, Ltd')

  it('names its signer, who is also its publisher if it names none', async () => {
    const found = await knowledge(genuine)
    expect(found.signer).toEqual({ name: 'Ann Onym, Ltd', state: 'valid_digest' })
    expect(found.facts.publisher).toEqual({
      value: 'Ann Onym, Ltd',
      level: 'guess',
      source: 'signature',
    })
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
