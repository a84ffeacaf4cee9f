import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import {
  compareDeb,
  compareDotted,
  compareMsi,
  compareRpm,
  compareRpmText,
  isOrderable,
} from './versions.ts'

const sign = (n: number): number => Math.sign(n)
const has = (program: string): boolean => spawnSync(program, ['--version']).status === 0

type Order = [string, string, number]
function inBothDirections(compare: (a: string, b: string) => number, [a, b, order]: Order): void {
  expect(sign(compare(a, b))).toBe(order)
  expect(sign(compare(b, a))).toBe(order === 0 ? 0 : -order)
}

/** Generated pairs of versions, the same in every run and so similar that every character matters somewhere. */
function madeUpPairs(alphabet: string, count: number): [string, string][] {
  let state = 20_261_129
  const next = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 8) % below
  }
  const text = (length: number): string =>
    Array.from({ length }, () => alphabet[next(alphabet.length)]).join('')
  const version = (): string =>
    [
      next(4) === 0 ? `${next(3)}:` : '',
      `${next(3)}${text(next(5))}`,
      next(2) === 0 ? `-${next(3)}${text(next(3))}` : '',
    ].join('')
  return Array.from({ length: count }, () => [version(), version()])
}

describe('Debian versions', () => {
  it.each<Order>([
    ['1.0', '1.0', 0],
    ['1.0', '1.0-0', 0],
    ['1.0', '1.0-1', -1],
    ['1:0.1', '2.0', 1],
    ['0:2.0', '2.0', 0],
    ['1.0~rc1', '1.0', -1],
    ['1.0~~', '1.0~', -1],
    ['1.0-1~bpo12+1', '1.0-1', -1],
    ['1.0+b1', '1.0', 1],
    ['1.0a', '1.0', 1],
    ['1.0a', '1.0.1', -1],
    ['1.1.1w-0', '1.1.1n-0', 1],
    ['1.0.9', '1.0.10', -1],
    ['2:8.2.3995-1ubuntu2', '2:8.2.3995-1ubuntu2.1', -1],
    ['007', '7', 0],
    ['1.0-1-1', '1.0-1-2', -1],
  ])('%s against %s is %i', (...order) => inBothDirections(compareDeb, order))

  it.runIf(has('dpkg'))('are in the order of dpkg itself', () => {
    const pairs = madeUpPairs('019.~+azB', 500)
    const script = `while read -r a b; do
      if dpkg --compare-versions "$a" lt "$b"; then echo -1
      elif dpkg --compare-versions "$a" eq "$b"; then echo 0; else echo 1; fi
    done`
    const input = pairs.map((pair) => pair.join(' ')).join('\n') + '\n'
    const { stdout } = spawnSync('sh', ['-c', script], { input, encoding: 'utf8' })
    expect(pairs.map(([a, b]) => `${a} ${b} ${sign(compareDeb(a, b))}`)).toEqual(
      stdout
        .trim()
        .split('\n')
        .map((order, i) => `${pairs[i]!.join(' ')} ${order}`),
    )
  })
})

describe('RPM versions', () => {
  // From rpm's own test suite (tests/rpmvercmp.at).
  it.each<Order>([
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
  ])('%s against %s is %i', (...order) => inBothDirections(compareRpmText, order))

  it.each<Order>([
    ['1:1.0-1', '2.0-1', 1],
    ['(none):2.0-1.el9', '2.0', 0],
    ['0:2.0-1', '2.0-2', -1],
    ['1:1.0-1', '1:2.0-1', -1],
    ['2:1.0~rc1-1', '2:1.0-0', -1],
  ])('with epoch and release, %s against %s is %i', (...order) =>
    inBothDirections(compareRpm, order),
  )

  it.runIf(has('rpm'))('are in the order of rpm itself', () => {
    const pairs = madeUpPairs('019.~^+_azB', 500).map((pair) =>
      pair.map((version) => (version.includes('-') ? version : `${version}-1`)),
    )
    const lua = pairs.map(([a, b]) => `io.write(rpm.vercmp("${a}", "${b}"), "\\n")`).join('\n')
    const { stdout } = spawnSync('rpm', ['--eval', `%{lua:${lua}}`], { encoding: 'utf8' })
    expect(pairs.map(([a, b]) => `${a} ${b} ${sign(compareRpm(a!, b!))}`)).toEqual(
      stdout
        .trim()
        .split('\n')
        .map((order, i) => `${pairs[i]!.join(' ')} ${order}`),
    )
  })
})

describe('dotted versions', () => {
  it.each<Order>([
    ['3.0.21', '3.0.3', 1],
    ['1.2', '1.2.0.0', 0],
    ['24.08', '24.8', 0],
    ['1.0 beta', '1.0', -1],
    ['10.0.19041.1', '10.0.9', 1],
    ['1.1.1', '1.1.1w', -1],
    ['1.1.1a', '1.1.1w', -1],
    ['1.1.1w', '1.1.2', -1],
    ['1.1.1w', '1.1.10', -1],
    ['1.1.1W', '1.1.1w', 0],
    ['2.0-rc1', '2.0', -1],
    ['2.0-rc1', '2.0.0-rc1', 0],
    ['2.0-rc2', '2.0-rc10', -1],
    ['2.0b1', '2.0', -1],
    ['2.0b', '2.0', 1],
    ['2.0-alpha.3', '2.0-beta.1', -1],
    ['8u391', '8u40', 1],
    ['7.1 (x64)', '7.1', 0],
    ['v1.2', '1.2', 0],
    ['1, 2, 3, 4', '1.2.3.4', 0],
    ['99999999999999999999.1', '99999999999999999999.2', -1],
    ['', '0', 0],
  ])('%s against %s is %i', (...order) => inBothDirections(compareDotted, order))
})

describe('a version', () => {
  it.each([
    '1',
    '1.1.1w',
    '2.0-rc1',
    'R2024b',
    '1.2.3.4.5',
    '2024-05-01',
    '20260501b',
    '5, 0, 0, 1',
  ])('%j can be ordered', (version) => expect(isOrderable(version)).toBe(true))
  it.each(['', '0', '0.0.0.0', 'latest', '3f9c2da', '$version$', '{code:V}', '${V}1', '1.\ufffd'])(
    '%j cannot be ordered',
    (version) => expect(isOrderable(version)).toBe(false),
  )
})

describe('versions of Windows Installer', () => {
  it.each<Order>([
    ['1.2.3.4', '1.2.3.9', 0],
    ['1.2.3', '1.2.4', -1],
    ['1.2', '1.2.0.5', 0],
    ['10.0.1', '9.9.9', 1],
  ])('%s against %s is %i', (...order) => inBothDirections(compareMsi, order))
})
