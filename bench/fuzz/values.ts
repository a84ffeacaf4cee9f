/**
 * The values that are sent: values that fit a schema, the same values with mistakes, and values that fit
 * nothing. Reproducible by seed.
 */
import fc from 'fast-check'
import type { z } from 'zod'
import { randomFrom } from '../random.ts'
import { arbitraryFrom, type Known } from './arbitrary.ts'

const BATCH = 25
const KNOWN_LIMIT = 200

/** `depth` nested arrays. */
function nested(depth: number): unknown {
  let value: unknown = 1
  for (let i = 0; i < depth; i++) value = [value]
  return value
}
const proto = (text: string): unknown => JSON.parse(text) as unknown

/** Values that have broken programs before. Created on each use, because some are large. */
const NASTY: (() => unknown)[] = [
  () => null,
  () => true,
  () => 0,
  () => -1,
  () => 1.5,
  () => 1e308,
  () => 2 ** 53,
  () => 9_223_372_036_854_775_807,
  () => '',
  () => ' ',
  () => '\0',
  () => 'NaN',
  () => '1e3',
  () => '0x10',
  () => '../../../../etc/passwd',
  () => "'; drop table devices; --",
  () => '%_%',
  () => '=HYPERLINK("http://127.0.0.1")',
  () => '<img src=x onerror=alert(1)>',
  () => '\u001b[2J\u202egnp.exe\u2066',
  () => '\ud800',
  () => 'é'.repeat(70_000),
  () => 'x'.repeat(300_000),
  () => '__proto__',
  () => [],
  () => ({}),
  () => [null],
  () => [[[[]]]],
  () => nested(2_000),
  () => Array<number>(20_000).fill(1),
  () => proto('{"__proto__":{"isAdmin":true,"role":"admin"}}'),
  () => proto('{"constructor":{"prototype":{"role":"admin"}}}'),
  () => ({ toString: 'x', valueOf: 1, then: {}, toJSON: 'y', length: -1, hasOwnProperty: 0 }),
  () => Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`k${i}`, i])),
]

export type Values = ReturnType<typeof createValues>

export function createValues(seed: number) {
  const random = randomFrom(seed)
  const pools = new Map<string, string[]>()
  const known: Known = (pattern) => pools.get(pattern) ?? []
  const waiting = new Map<z.ZodType, unknown[]>()
  let made = new Map<z.ZodType, fc.Arbitrary<unknown>>()

  const below = (n: number): number => Math.floor(random() * n)
  const pick = <T>(from: readonly T[]): T => from[below(from.length)]!
  const chance = (p: number): boolean => random() < p
  const nasty = (): unknown => pick(NASTY)()
  const bytes = (max: number): Buffer =>
    Buffer.from(Uint8Array.from({ length: below(max) }, () => below(256)))

  /** A value that the schema accepts. */
  function fitting(schema: z.ZodType): unknown {
    let rest = waiting.get(schema)
    if (!rest || rest.length === 0) {
      let arbitrary = made.get(schema)
      if (!arbitrary) made.set(schema, (arbitrary = arbitraryFrom(schema, known)))
      rest = fc.sample(arbitrary, { numRuns: BATCH, seed: below(2 ** 31) })
      waiting.set(schema, rest)
    }
    return rest.pop()
  }

  /** The same value with one mistake somewhere: another type, missing, too much, too deep. */
  function broken(value: unknown): unknown {
    if (typeof value !== 'object' || value === null || chance(0.15)) return nasty()
    if (Array.isArray(value)) {
      const copy: unknown[] = [...(value as unknown[])]
      if (copy.length === 0 || chance(0.3)) copy.push(nasty())
      else {
        const at = below(copy.length)
        copy[at] = broken(copy[at])
      }
      return copy
    }
    const entries = Object.entries(value as Record<string, unknown>)
    if (entries.length === 0 || chance(0.15))
      return { ...value, [(JSON.stringify(nasty()) ?? 'x').slice(1, 40)]: nasty() }
    const [key, part] = pick(entries)
    const copy: Record<string, unknown> = { ...value }
    if (chance(0.25)) delete copy[key]
    else copy[key] = broken(part)
    return copy
  }

  return {
    random,
    below,
    pick,
    chance,
    nasty,
    bytes,
    fitting,
    broken,
    /** Valid, with one or two mistakes, or nothing that fits. */
    any(schema: z.ZodType | undefined): unknown {
      if (!schema || chance(0.1)) return nasty()
      const value = fitting(schema)
      if (chance(0.45)) return value
      return chance(0.7) ? broken(value) : broken(broken(value))
    },
    /** Adds an existing value, for schemas with this pattern. */
    learn(pattern: RegExp, value: string): void {
      const pool = pools.get(pattern.source) ?? []
      if (pool.length === 0) made = new Map()
      pools.set(pattern.source, pool)
      if (pool.length >= KNOWN_LIMIT) pool.shift()
      pool.push(value)
    },
  }
}
