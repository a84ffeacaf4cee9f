/**
 * Values that a zod schema takes, made from the schema itself: what the contract says is what is tried, and a route or an event
 * that is added is tried as well. It covers what the contract uses; a kind of schema it does not know is an error, never skipped.
 */
import fc from 'fast-check'
import { z } from 'zod'

/** Values that exist (ids of attempts, hashes), by the pattern that describes them. */
export type Known = (pattern: string) => readonly string[]

type Check = { check: string } & Record<string, unknown>
/** What zod 4 keeps of a schema. Only what is read here. */
type Def = {
  type: string
  format?: string
  coerce?: boolean
  checks?: { _zod: { def: Check } }[]
  shape?: Record<string, z.core.$ZodType>
  element?: z.core.$ZodType
  innerType?: z.core.$ZodType
  in?: z.core.$ZodType
  out?: z.core.$ZodType
  options?: z.core.$ZodType[]
  entries?: Record<string, string>
  values?: unknown[]
}
const defOf = (schema: z.core.$ZodType): Def => schema._zod.def as unknown as Def
const checksOf = (def: Def): Check[] => (def.checks ?? []).map((c) => c._zod.def)

/** Texts that the contract's own rules take: addresses of a hub, time zones. */
const SPECIAL = ['192.168.1.20:7480', '[fd00::1]:7480', 'pc.local:443', 'UTC', 'Europe/Berlin', 'America/New_York'] // prettier-ignore

/** Arrays stay small: whether ten thousand are taken is the mutations' business. */
const ARRAY_MAX = 6
const TEXT_MAX = 400
/** A value that still does not fit after so many tries means that this file does not understand the schema. */
const FILTER_TRIES = 2_000

function bounded<T>(arbitrary: fc.Arbitrary<T>, fits: (value: T) => boolean, what: string) {
  let misses = 0
  return arbitrary.filter((value) => {
    if (fits(value)) {
      misses = 0
      return true
    }
    if (++misses > FILTER_TRIES) throw new Error(`nothing was found that fits ${what}`)
    return false
  })
}

const text = (minLength: number, maxLength: number): fc.Arbitrary<string> => {
  const limits = { minLength, maxLength: Math.max(minLength, Math.min(maxLength, TEXT_MAX)) }
  return fc.oneof(
    fc.string(limits),
    fc.string({ ...limits, unit: 'binary' }),
    fc.string({ ...limits, unit: fc.constantFrom('a', ' ', '%', '_', "'", '"', '\\', '\n', '=') }),
  )
}

/** Texts that match; where fast-check cannot make one from the pattern, likely ones are tried until one does. */
function matching(pattern: RegExp, known: Known): fc.Arbitrary<string> {
  const fits = (value: string) => new RegExp(pattern.source, pattern.flags).test(value)
  const likely = fc.oneof(
    fc.string({ unit: fc.constantFrom(...'abcXYZ0189._@-'), minLength: 1, maxLength: 40 }),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
  )
  // Nothing may lead to another host: an address is tried with this computer's own.
  const made = pattern.source.startsWith('^https?:')
    ? fc.constant('http://127.0.0.1:1/x.deb')
    : /\\[pP]\{/.test(pattern.source)
      ? bounded(likely, fits, String(pattern))
      : fc.stringMatching(pattern)
  const all = known(pattern.source)
  return all.length > 0 ? fc.oneof(made, fc.constantFrom(...all)) : made
}

function stringFrom(def: Def, known: Known): fc.Arbitrary<string> {
  if (def.format === 'datetime')
    return fc.oneof(
      fc
        .date({ min: new Date('1970-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
        .map((date) => date.toISOString()),
      fc.constantFrom('0000-01-01T00:00:00Z', '9999-12-31T23:59:59Z', '2024-02-29T12:00:00.123Z'),
    )
  if (def.format === 'base64') {
    const most = checksOf(def).find(({ check }) => check === 'max_length')?.['maximum'] as number
    const maxLength = Math.min(most ?? TEXT_MAX, TEXT_MAX)
    return fc.base64String({ maxLength })
  }
  if (def.format === 'guid') return fc.uuid()
  if (def.format !== undefined) throw new Error(`a string of the format ${def.format} is not known`)
  let [min, max] = [0, Infinity]
  let pattern: RegExp | null = null
  for (const check of checksOf(def))
    switch (check.check) {
      case 'min_length':
        min = check['minimum'] as number
        break
      case 'max_length':
        max = check['maximum'] as number
        break
      case 'overwrite': // trimmed: what is made is looked at by the schema itself
        break
      case 'custom':
        return fc.oneof(text(min, max), fc.constantFrom(...SPECIAL))
      case 'string_format':
        if (check['format'] !== 'regex')
          throw new Error(`the check ${String(check['format'])} of a string is not known`)
        pattern = check['pattern'] as RegExp
        break
      default:
        throw new Error(`the check ${check.check} of a string is not known`)
    }
  return pattern === null ? text(min, max) : matching(pattern, known)
}

function numberFrom(def: Def): fc.Arbitrary<number | string> {
  let [min, max, isInt] = [-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, false]
  for (const check of checksOf(def))
    switch (check.check) {
      case 'number_format':
        isInt = true
        break
      case 'greater_than':
        min = (check['value'] as number) + (check['inclusive'] ? 0 : 1)
        break
      case 'less_than':
        max = (check['value'] as number) - (check['inclusive'] ? 0 : 1)
        break
      default:
        throw new Error(`the check ${check.check} of a number is not known`)
    }
  const near = Math.min(max, Math.max(min, 0) + 12)
  // Small ones are ids that exist.
  const whole = fc.oneof(
    { weight: 5, arbitrary: fc.integer({ min: Math.max(min, 0), max: near }) },
    { weight: 1, arbitrary: fc.integer({ min, max }) },
    { weight: 1, arbitrary: fc.constantFrom(min, max) },
  )
  const any = isInt ? whole : fc.oneof(whole, fc.double({ min, max, noNaN: true }))
  return def.coerce ? fc.oneof(any, any.map(String)) : any
}

function objectFrom(def: Def, known: Known): fc.Arbitrary<unknown> {
  const parts: Record<string, fc.Arbitrary<unknown>> = {}
  const optional: string[] = []
  for (const [key, part] of Object.entries(def.shape!)) {
    parts[key] = from(part, known)
    if (['optional', 'default', 'prefault'].includes(defOf(part).type)) optional.push(key)
  }
  // Left out more often than given: many may not be given together.
  return fc
    .tuple(
      fc.record(parts),
      fc.array(fc.nat(9), { minLength: optional.length, maxLength: optional.length }),
    )
    .map(([whole, dice]) =>
      Object.fromEntries(
        Object.entries(whole).filter(([key]) => {
          const i = optional.indexOf(key)
          return i < 0 || dice[i]! < 3
        }),
      ),
    )
}

function from(schema: z.core.$ZodType, known: Known): fc.Arbitrary<unknown> {
  const def = defOf(schema)
  const checks = checksOf(def)
  const made = bare(def, known)
  const isMeant = (value: unknown) => z.safeParse(schema, value).success
  // A rule of the contract's own, or a text that is changed before it is checked: the schema decides.
  return checks.some((c) => c.check === 'custom' || c.check === 'overwrite')
    ? bounded(made, isMeant, `a schema of the type ${def.type}`)
    : made
}

function bare(def: Def, known: Known): fc.Arbitrary<unknown> {
  switch (def.type) {
    case 'string':
      return stringFrom(def, known)
    case 'number':
      return numberFrom(def)
    case 'boolean':
      return fc.boolean()
    case 'enum':
      return fc.constantFrom(...Object.values(def.entries!))
    case 'literal':
      return fc.constantFrom(...def.values!)
    case 'object':
      return objectFrom(def, known)
    case 'array': {
      const sizes = new Map(checksOf(def).map((c) => [c.check, c['minimum'] ?? c['maximum']]))
      const minLength = (sizes.get('min_length') as number | undefined) ?? 0
      const maxLength = Math.min(ARRAY_MAX, (sizes.get('max_length') as number | undefined) ?? ARRAY_MAX) // prettier-ignore
      return fc.array(from(def.element!, known), { minLength, maxLength })
    }
    case 'union':
      return fc.oneof(...def.options!.map((option) => from(option, known)))
    case 'nullable':
      return fc.option(from(def.innerType!, known), { nil: null, freq: 3 })
    // Whether it is there is the object's to decide.
    case 'optional':
    case 'default':
    case 'prefault':
      return from(def.innerType!, known)
    case 'pipe': {
      // An id in a path: it arrives as text and is read as a number, within the limits of what comes out.
      // What a transform makes of a value cannot be told from outside: values of its input are tried.
      if (defOf(def.out!).type === 'transform') return from(def.in!, known)
      const inner = from(def.out!, known)
      return defOf(def.in!).coerce ? inner.map(String) : inner
    }
    default:
      throw new Error(`a schema of the type ${def.type} is not known`)
  }
}

/** An arbitrary of what this schema takes. @throws Error for a kind of schema that is not known here */
export const arbitraryFrom = (
  schema: z.core.$ZodType,
  known: Known = () => [],
): fc.Arbitrary<unknown> => from(schema, known)
