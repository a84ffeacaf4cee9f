import { describe, expect, it } from 'vitest'
import * as fc from 'fast-check'
import {
  agentCommitmentText,
  digitsOf,
  digitsText,
  groupDigits,
  hubCommitmentText,
  pairingProofText,
} from './pairing.ts'

const FACTS = { agentKey: 'AGENT', fingerprint: 'sha256/HUB', commandKey: 'COMMAND' }
const hashOf = (...bytes: number[]): Uint8Array => new Uint8Array([...bytes, ...Array<number>(24)])

describe('the digits of a pairing', () => {
  it('are the first eight bytes of the hash, read as one number, modulo a million', () => {
    expect(digitsOf(hashOf(0, 0, 0, 0, 0, 0, 0, 7))).toBe('000007')
    expect(digitsOf(hashOf(0, 0, 0, 0, 0, 0x0f, 0x42, 0x40))).toBe('000000')
    expect(digitsOf(hashOf(0, 0, 0, 0, 0, 0x0f, 0x42, 0x41))).toBe('000001')
    // 2^64 - 1 = 18446744073709551615
    expect(digitsOf(hashOf(255, 255, 255, 255, 255, 255, 255, 255))).toBe('551615')
  })

  it('are the same for a hash inside a larger buffer, as in Node', () => {
    const whole = new Uint8Array(64).fill(1)
    whole.set([0, 0, 0, 0, 0, 0, 0, 9], 16)
    expect(digitsOf(whole.subarray(16, 48))).toBe('000009')
  })

  it('are always six, shown in two groups', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (hash) => {
        expect(digitsOf(hash)).toMatch(/^\d{6}$/)
        expect(groupDigits(digitsOf(hash))).toMatch(/^\d{3} \d{3}$/)
      }),
    )
  })

  it('depend on both hub keys, the agent key and both nonces, in order', () => {
    const texts = [
      digitsText(FACTS, 'a', 'b'),
      digitsText({ ...FACTS, agentKey: 'X' }, 'a', 'b'),
      digitsText({ ...FACTS, fingerprint: 'X' }, 'a', 'b'),
      digitsText({ ...FACTS, commandKey: 'X' }, 'a', 'b'),
      digitsText(FACTS, 'X', 'b'),
      digitsText(FACTS, 'a', 'X'),
      digitsText(FACTS, 'b', 'a'),
    ]
    expect(new Set(texts).size).toBe(texts.length)
  })
})

describe('texts that a pairing hashes or signs', () => {
  it('start with different purposes', () => {
    const purposes = [
      digitsText(FACTS, 'a', 'b'),
      agentCommitmentText('a', 'AGENT'),
      hubCommitmentText('b', 'sha256/HUB', 'COMMAND'),
      pairingProofText('sha256/HUB', 'AGENT', 'c'),
    ].map((text) => text.split('\n')[0])
    expect(new Set(purposes).size).toBe(purposes.length)
    for (const purpose of purposes) expect(purpose).toMatch(/^deployx pairing .* v1$/)
  })
})
