import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isNewer } from './agent-version.ts'

const ORDER = [
  '0.1.0',
  '0.1.1',
  '0.2.0-alpha',
  '0.2.0-alpha.1',
  '0.2.0-alpha.beta',
  '0.2.0-beta.2',
  '0.2.0-beta.11',
  '0.2.0',
  '0.10.0',
  '1.0.0',
]

describe('isNewer', () => {
  it('follows the order of semver', () => {
    for (const [i, a] of ORDER.entries())
      for (const [j, b] of ORDER.entries()) expect([a, b, isNewer(a, b)]).toEqual([a, b, i > j])
  })

  it('is false for build metadata alone, and if a version cannot be parsed', () => {
    expect(isNewer('1.0.0+linux', '1.0.0')).toBe(false)
    for (const odd of ['', 'v2.0.0', '2.0', '2.0.0.0', '02.0.0', '2.0.0-', 'latest', '2.0.0\n']) {
      expect(isNewer(odd, '1.0.0')).toBe(false)
      expect(isNewer('1.0.0', odd)).toBe(false)
    }
  })

  it('is true for exactly one order of two different versions', () => {
    const version = fc
      .tuple(fc.nat(3), fc.nat(3), fc.nat(3), fc.constantFrom('', '-a', '-1', '-a.1'))
      .map(([a, b, c, d]) => `${a}.${b}.${c}${d}`)
    fc.assert(
      fc.property(version, version, (a, b) =>
        a === b ? !isNewer(a, b) && !isNewer(b, a) : isNewer(a, b) !== isNewer(b, a),
      ),
    )
  })
})
