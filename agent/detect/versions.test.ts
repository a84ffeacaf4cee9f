import { describe, expect, it } from 'vitest'
import { compareDotted, compareRpm, compareRpmText } from './versions.ts'

const sign = (n: number): number => Math.sign(n)

describe('rpm versions', () => {
  // From rpm's own test suite (tests/rpmvercmp.at).
  it.each([
    ['1.0', '1.0', 0],
    ['1.0', '2.0', -1],
    ['2.0.1', '2.0.1a', -1],
    ['5.5p1', '5.5p10', -1],
    ['10xyz', '10.1xyz', -1],
    ['xyz10', 'xyz10.1', -1],
    ['xyz.4', '8', -1],
    ['5.5p2', '5.6p1', -1],
    ['6.0.rc1', '6.0', 1],
    ['10b2', '10a1', 1],
    ['1.0aa', '1.0a', 1],
    ['10.0001', '10.0039', -1],
    ['4.999.9', '5.0', -1],
    ['20101121', '20101122', -1],
    ['2_0', '2.0', 0],
    ['a+', 'a_', 0],
    ['1.0~rc1', '1.0', -1],
    ['1.0~rc1', '1.0~rc2', -1],
    ['1.0~rc1~git123', '1.0~rc1', -1],
    ['1.0^', '1.0', 1],
    ['1.0^git1', '1.01', -1],
    ['1.0^20160101', '1.0.1', -1],
    ['1.0~rc1^git1', '1.0~rc1', 1],
    ['1.0^git1~pre', '1.0^git1', -1],
  ])('%s against %s is %i', (a, b, order) => {
    expect(sign(compareRpmText(a, b))).toBe(order)
    expect(sign(compareRpmText(b, a))).toBe(order === 0 ? 0 : -order)
  })

  it('count the epoch first and the release only where both have one', () => {
    expect(sign(compareRpm('1:1.0-1', '2.0-1'))).toBe(1)
    expect(sign(compareRpm('(none):2.0-1.el9', '2.0'))).toBe(0)
    expect(sign(compareRpm('0:2.0-1', '2.0-2'))).toBe(-1)
  })
})

describe('dotted versions', () => {
  it.each([
    ['3.0.21', '3.0.3', 1],
    ['1.2', '1.2.0.0', 0],
    ['24.08', '24.8', 0],
    ['1.0 beta', '1.0', -1],
    ['10.0.19041.1', '10.0.9', 1],
  ])('%s against %s is %i', (a, b, order) => {
    expect(sign(compareDotted(a, b))).toBe(order)
  })
})
