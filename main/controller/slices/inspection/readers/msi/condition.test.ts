import { describe, expect, it } from 'vitest'
import { evaluate, propertiesIn } from './condition.ts'

/** `VersionNT` is known only on the PC. Three properties are set, and all others are empty. */
const lookup = (name: string): string | undefined =>
  name === 'VersionNT'
    ? undefined
    : (({ EDITION: 'Pro', COUNT: '3', ZERO: '0' } as Record<string, string>)[name] ?? '')

describe('a condition of Windows Installer', () => {
  it.each<[string, boolean | undefined]>([
    ['Installed', false],
    ['NOT Installed', true],
    ['LICENSEKEY OR Installed', false],
    ['EDITION', true],
    ['ZERO', false],
    ['EDITION = "Pro"', true],
    ['EDITION = "pro"', false],
    ['EDITION ~= "pro"', true],
    ['EDITION << "P" AND EDITION >> "o" AND EDITION >< "r"', true],
    ['COUNT >= 3 AND COUNT < 4', true],
    ['COUNT = "three"', false],
    ['COUNT <> "three"', true],
    ['VersionNT >= 603', undefined],
    ['VersionNT >= 603 AND LICENSEKEY', false],
    ['VersionNT >= 603 OR EDITION', true],
    ['NOT (VersionNT AND LICENSEKEY)', true],
    ['LICENSEKEY IMP VersionNT', true],
    ['EDITION XOR LICENSEKEY', true],
    ['EDITION EQV LICENSEKEY', false],
    // AND binds more strongly than OR.
    ['EDITION OR LICENSEKEY AND LICENSEKEY', true],
    ['%PATH OR &Feature = 3', undefined],
  ])('%s is %s', (condition, expected) => {
    expect(evaluate(condition, lookup)).toBe(expected)
  })

  it.each([
    '',
    '(',
    'EDITION =',
    'EDITION EDITION',
    '"open',
    '#',
    '('.repeat(5_000),
    'A '.repeat(5_000),
  ])('that is malformed decides nothing (%#)', (condition) => {
    expect(evaluate(condition, lookup)).toBeUndefined()
  })

  it('names its properties once each', () => {
    expect(propertiesIn('NOT (KEY AND %PATH) OR KEY = "OTHER" or Installed')).toEqual([
      'KEY',
      'Installed',
    ])
  })
})
