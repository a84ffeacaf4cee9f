/**
 * Generates values that a zod schema accepts from the schema itself, so that new routes and events are
 * covered automatically. Supports what the contract uses; an unknown kind of schema is an error and never
 * skipped.
 */
import fc from 'fast-check'
import { z } from 'zod'

/** Existing values (ids of attempts, hashes), by the pattern that describes them. */
export type Known = (pattern: string) => readonly string[]

type Check = { check: string } & Record<string, unknown>
/** The parts of zod 4's schema definition that are read here. */
type Def = {
  type: string
  format?: string
  coerce?: boolean
  checks?: { _zod: { def: Check } }[]
  shape?: Record<string, z.core.$ZodType>
  element?: z.core.$ZodType
  innerType?: z.core.$ZodType
  keyType?: z.core.$ZodType
  valueType?: z.core.$ZodType
  in?: z.core.$ZodType
  out?: z.core.$ZodType
  options?: z.core.$ZodType[]
  entries?: Record<string, string>
  values?: unknown[]
}
const defOf = (schema: z.core.$ZodType): Def => schema._zod.def as unknown as Def
const checksOf = (def: Def): Check[] => (def.checks ?? []).map((c) => c._zod.def)

/** Texts that match the contract's own rules: addresses of a hub, time zones. */
const SPECIAL = [
  '192.168.1.20:7480',
  '[fd00::1]:7480',
  'pc.local:443',
  'UTC',
  'Europe/Berlin',
  'America/New_York',
]

/** Arrays stay small; the mutations test very long ones. */
const ARRAY_MAX = 6
const TEXT_MAX = 400
/** If no value fits after this many tries, this file does not understand the schema. */
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

/**
 * Texts that match the pattern; if fast-check cannot generate one from it, likely texts are tried until one
 * matches.
 */
function matching(pattern: RegExp, known: Known): fc.Arbitrary<string> {
  const fits = (value: string) => new RegExp(pattern.source, pattern.flags).test(value)
  const likely = fc.oneof(
    fc.string({ unit: fc.constantFrom(...'abcXYZ0189._@-'), minLength: 1, maxLength: 40 }),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
  )
  // No request may leave this computer, so addresses use its own host.
  const made = pattern.source.startsWith('^https?:')
    ? fc.constant('http://127.0.0.1:1/x.deb')
    : /\\[pP]\{/.test(pattern.source)
      ? bounded(likely, fits, String(pattern))
      : // fast-check knows no flag i; what matches without it matches with it.
        fc.stringMatching(new RegExp(pattern.source, pattern.flags.replace('i', '')))
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
      case 'overwrite': // trimmed: the schema itself checks the generated value
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
  // Small numbers are likely to be existing ids.
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
  // Omitted more often than set, because many fields exclude each other.
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
  // A rule of the contract's own, or a text that is changed before or while it is checked: let the schema decide.
  const mayRefuse = def.out !== undefined && defOf(def.out).type === 'transform'
  return mayRefuse || checks.some((c) => c.check === 'custom' || c.check === 'overwrite')
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
      const maxLength = Math.min(
        ARRAY_MAX,
        (sizes.get('max_length') as number | undefined) ?? ARRAY_MAX,
      )
      return fc.array(from(def.element!, known), { minLength, maxLength })
    }
    case 'record':
      return fc.dictionary(
        from(def.keyType!, known) as fc.Arbitrary<string>,
        from(def.valueType!, known),
        { maxKeys: ARRAY_MAX },
      )
    case 'union':
      return fc.oneof(...def.options!.map((option) => from(option, known)))
    case 'nullable':
      return fc.option(from(def.innerType!, known), { nil: null, freq: 3 })
    // The enclosing object decides whether it is present.
    case 'optional':
    case 'default':
    case 'prefault':
      return from(def.innerType!, known)
    // Any value is accepted; those that do not fit are replaced.
    case 'catch':
      return fc.oneof(from(def.innerType!, known), text(0, TEXT_MAX))
    case 'pipe': {
      // An id in a path: it arrives as text and is parsed as a number, within the limits of the result. The
      // result of a transform cannot be derived from the schema, so generate values for its input.
      if (defOf(def.out!).type === 'transform') return from(def.in!, known)
      const inner = from(def.out!, known)
      return defOf(def.in!).coerce ? inner.map(String) : inner
    }
    default:
      throw new Error(`a schema of the type ${def.type} is not known`)
  }
}

/** An arbitrary of values that this schema accepts. @throws Error for an unknown kind of schema */
export const arbitraryFrom = (
  schema: z.core.$ZodType,
  known: Known = () => [],
): fc.Arbitrary<unknown> => from(schema, known)
