/**
 * Texts as codes with parameters, so that the program that shows one composes it in the reader's language. A closed list.
 * Parameters are short texts and numbers, because they come from agents and are stored for every target.
 */
import { z } from 'zod'
import { InstallerKind } from '../platforms.ts'
import { fits, namesIn, type AnyValues, type ValuesOf } from '../templates.ts'
import { ARCHIVE_PROBLEMS, CAUSES, PROBLEMS, type HEADS } from './composed.en.ts'
import { PLAIN, REFUSALS } from './plain.en.ts'

/** Characters per parameter. Agents cut longer ones. */
export const TEXT_LIMIT = 1_000
/** Characters of a composed text. */
export const MESSAGE_LIMIT = 2_000

const text = z.string().max(TEXT_LIMIT)
const number = z.number().finite()
const value = z.union([text, number])
/** Set, or left out. */
const flag = z.literal(1).optional()
const keysOf = <T extends object>(table: T) => z.enum(Object.keys(table) as (keyof T & string)[])

const Cause = keysOf(CAUSES)
export type Cause = z.infer<typeof Cause>
const Problem = keysOf(PROBLEMS)
const ArchiveProblemKey = keysOf(ARCHIVE_PROBLEMS)
/** A clause with its parameters. */
type ClauseOf<T extends Record<string, string>> = {
  [K in keyof T]: { problem: K } & ValuesOf<T[K]>
}[keyof T]
export type ArchiveProblem = ClauseOf<typeof ARCHIVE_PROBLEMS>
export const Refusal = keysOf(REFUSALS)
export type RefusalCode = z.infer<typeof Refusal>

/** What a failed tool reported: a known cause with its parameters, and a line of its output. */
const tool = {
  cause: Cause.optional(),
  compression: text.optional(),
  made_for: text.optional(),
  this_pc: text.optional(),
  file: text.optional(),
  package: text.optional(),
  script: text.optional(),
  status: text.optional(),
  feature: text.optional(),
  line: text.optional(),
}
/** Other software that was removed or downgraded: names, and how many more. */
const effects = {
  removed: text.optional(),
  removed_more: number.optional(),
  downgraded: text.optional(),
  downgraded_more: number.optional(),
}
const Effects = z.strictObject(effects)
export type Effects = z.infer<typeof Effects>
export type ToolWords = z.infer<z.ZodObject<typeof tool>>
export { Effects as EffectParams }
const someEffect = z
  .strictObject(effects)
  .refine(({ removed, downgraded }) => removed !== undefined || downgraded !== undefined)
const timeout = { seconds: number, ...effects }
const signal = { signal: text.optional(), ...effects }
const restart = { exit_code: number, ...tool, ...effects }
const done = { ...restart, asks_restart: flag, rule_unchecked: flag }
const despiteExitCode = { kind: InstallerKind, exit_code: number, ...effects }
const unconfirmed = { exit_code: number, left_running: flag, ...effects }
/** It installs for one user, so it landed in the profile of the agent's own user. Added by the controller. */
const lands = { for_one_user: flag }
/** What a folder without its database contains. */
const besides = {
  file: text,
  keys: flag,
  packages: flag,
  log: flag,
  copies: flag,
  traces: flag,
}
/** A refusal of an agent. */
const refusal = {
  refusal: Refusal.optional(),
  event: text.optional(),
  kind: text.optional(),
  error: text.optional(),
  device: number.optional(),
  sequence: number.optional(),
  last: number.optional(),
  file: text.optional(),
  version: text.optional(),
  own: text.optional(),
  path: text.optional(),
  exit_code: number.optional(),
  line: text.optional(),
  /** Instead of the code, from an agent of an earlier version. */
  sentence: text.optional(),
}

/** The parameters of texts that consist of several sentences. Unknown ones are refused: they would be missing in the text. */
export const COMPOSED = {
  installed: z.strictObject({ ...done, ...lands }),
  removed: z.strictObject(done),
  installed_restart: z.strictObject({ ...restart, ...lands }),
  removed_restart: z.strictObject(restart),
  installed_despite_timeout: z.strictObject({ ...timeout, ...lands }),
  removed_despite_timeout: z.strictObject(timeout),
  installed_despite_interruption: z.strictObject({ ...effects, ...lands }),
  removed_despite_interruption: z.strictObject(effects),
  installed_despite_signal: z.strictObject({ ...signal, ...lands }),
  removed_despite_signal: z.strictObject(signal),
  installed_despite_exit_code: z.strictObject({ ...despiteExitCode, ...lands }),
  removed_despite_exit_code: z.strictObject(despiteExitCode),
  timed_out: z.strictObject(timeout),
  interrupted: z.strictObject({
    rule: z.enum(['rule_finds', 'rule_finds_not', 'rule_unknown']),
    ...effects,
  }),
  ended_by_signal: z.strictObject(signal),
  not_detected: z.strictObject(unconfirmed),
  still_detected: z.strictObject(unconfirmed),
  installer_failed: z.strictObject({ ...despiteExitCode, ...tool }),
  removal_failed: z.strictObject({ ...despiteExitCode, ...tool }),
  dpkg_cannot_read: z.strictObject(tool),
  side_effects: someEffect,
  side_effects_of_removal: someEffect,
  archive_refused: z.strictObject({
    problem: ArchiveProblemKey,
    name: value.optional(),
    system: value.optional(),
    error: value.optional(),
    limit: value.optional(),
  }),
  check_database_missing: z.strictObject(besides),
  check_database_empty: z.strictObject(besides),
  check_database_blank: z.strictObject(besides),
  fetch_failed: z.strictObject({
    tries: number,
    problem: Problem,
    answer: text.optional(),
    seconds: number.optional(),
    bytes: number.optional(),
    announced: number.optional(),
    error: text.optional(),
  }),
  refused: z.strictObject(refusal),
  withdrawal_refused: z.strictObject(refusal),
} as const satisfies Record<
  keyof typeof HEADS | 'side_effects' | 'side_effects_of_removal',
  z.ZodType
>

export type PlainCode = keyof typeof PLAIN
export type ComposedCode = keyof typeof COMPOSED
export type TextCode = PlainCode | ComposedCode
export const TextCode = z.enum([
  ...(Object.keys(PLAIN) as PlainCode[]),
  ...(Object.keys(COMPOSED) as ComposedCode[]),
])
export type TextParams<C extends TextCode> = C extends ComposedCode
  ? z.infer<(typeof COMPOSED)[C]>
  : C extends PlainCode
    ? ValuesOf<(typeof PLAIN)[C]>
    : never
export type CodedText = { [C in TextCode]: { code: C; params: TextParams<C> } }[TextCode]
export type CodedRefusal = Extract<CodedText, { code: RefusalCode }>

export const isTextCode = (code: string): code is TextCode =>
  Object.hasOwn(COMPOSED, code) || Object.hasOwn(PLAIN, code)
export const isComposed = (code: TextCode): code is ComposedCode => Object.hasOwn(COMPOSED, code)

const cut = (value: unknown): unknown =>
  typeof value === 'string' ? value.slice(0, TEXT_LIMIT) : value

/** A text of this version; long parameters are cut, and those that are undefined are left out. */
export const coded = <C extends TextCode>(
  code: C,
  params: TextParams<C>,
): Extract<CodedText, { code: C }> =>
  ({
    code,
    params: Object.fromEntries(
      Object.entries(params).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, cut(value)]],
      ),
    ),
  }) as unknown as Extract<CodedText, { code: C }>

/** Parameters as they are sent: bounded, whatever their names. */
export const AnyParams = z
  .record(z.string().max(64), z.union([text, number]))
  .refine((params) => Object.keys(params).length <= 32)

/** A text from outside. Null if this version does not know the code, or the parameters are not exactly its own. */
export function readCoded(code: unknown, params: unknown): CodedText | null {
  const known = TextCode.safeParse(code)
  if (!known.success) return null
  const values = AnyParams.safeParse(params ?? {})
  if (!values.success) return null
  if (isComposed(known.data))
    return COMPOSED[known.data].safeParse(values.data).success && hasParts(values.data)
      ? ({ code: known.data, params: values.data } as CodedText)
      : null
  const template = PLAIN[known.data]
  const names = namesIn(template)
  const isExact = Object.keys(values.data).every((name) => names.has(name))
  return isExact && fits(template, values.data)
    ? ({ code: known.data, params: values.data } as CodedText)
    : null
}

const LANDS = [
  'installed',
  'installed_restart',
  'installed_despite_timeout',
  'installed_despite_interruption',
  'installed_despite_signal',
  'installed_despite_exit_code',
] as const
type Landed = Extract<CodedText, { code: (typeof LANDS)[number] }>
const isLanded = (text: CodedText): text is Landed =>
  (LANDS as readonly string[]).includes(text.code)

/** The text of an installation that also says that it was for one user. Other texts stay as they are. */
export const forOneUser = (text: CodedText): CodedText =>
  isLanded(text)
    ? ({ code: text.code, params: { ...text.params, for_one_user: 1 } } as CodedText)
    : text

/** Whether the texts that the parameters name have their own parameters. */
function hasParts(values: AnyValues): boolean {
  const tables = {
    cause: CAUSES,
    problem: { ...PROBLEMS, ...ARCHIVE_PROBLEMS },
    refusal: REFUSALS,
  } as const
  return Object.entries(tables).every(([name, table]: [string, Record<string, string>]) => {
    const key = values[name]
    return key === undefined || fits(table[key]!, values)
  })
}
