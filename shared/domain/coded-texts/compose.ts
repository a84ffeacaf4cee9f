/** Composes coded texts. Which sentences a text consists of is the same in every language. Pure. */
import { explainExitCode } from '../exit-codes.ts'
import { fill } from '../templates.ts'
import { formatExitCode } from '../windows-codes.ts'
import {
  isComposed,
  MESSAGE_LIMIT,
  type ArchiveProblem,
  type CodedText,
  type ComposedCode,
  type TextParams,
} from './codes.ts'
import { ARCHIVE_PROBLEMS, CAUSES, HEADS, PARTS, PROBLEMS } from './composed.en.ts'
import { PLAIN } from './plain.en.ts'

/** Every text and part of a text in English. */
export const ENGLISH = {
  ...PLAIN,
  ...HEADS,
  ...CAUSES,
  ...PROBLEMS,
  ...ARCHIVE_PROBLEMS,
  ...PARTS,
} as const
export type PartKey = keyof typeof ENGLISH
/** A sentence, or a clause within one. */
export type Part = { key: PartKey; values: Readonly<Record<string, Value>> }
type Value = string | number | readonly Part[]
type Params<K extends string> = { readonly [N in K]?: string | number | undefined }

const part = (key: PartKey, values: Params<string> | Record<string, Value> = {}): Part => ({
  key,
  values: Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  ),
})
const when = (condition: unknown, key: PartKey): Part[] => (condition ? [part(key)] : [])

type Tool = TextParams<'dpkg_cannot_read'>
/** A known cause, and the tool's own words. */
const toolParts = (params: Tool): Part[] => [
  ...(params.cause ? [part(params.cause, params)] : []),
  ...(params.line === undefined ? [] : [part('it_said', { line: params.line })]),
]

type Effects = TextParams<'side_effects'>
const names = (list: string | undefined, more: number | undefined): Value | undefined =>
  list !== undefined && more ? [part('and_more', { names: list, n: more })] : list
/** Nothing, or one sentence about other software. */
function effectParts(
  { removed, removed_more, downgraded, downgraded_more }: Effects,
  kind: 'also' | 'perhaps' | 'would' | 'would_also',
): Part[] {
  if (removed === undefined && downgraded === undefined) return []
  const which = downgraded === undefined ? 'removed' : removed === undefined ? 'downgraded' : 'both'
  const values: Record<string, Value> = {}
  const lists = {
    removed: names(removed, removed_more),
    downgraded: names(downgraded, downgraded_more),
  }
  for (const [name, list] of Object.entries(lists)) if (list !== undefined) values[name] = list
  return [part(`${kind}_${which}`, values)]
}
const besides = (params: Tool & Effects): Part[] => {
  const why = toolParts(params)
  return [...(why.length > 0 ? [part('partly', { why })] : []), ...effectParts(params, 'also')]
}
/** "keys, packages and a log of the database" */
function listParts(found: Omit<TextParams<'check_database_missing'>, 'file'>): Part[] {
  const items = (['keys', 'packages', 'log', 'copies', 'traces'] as const)
    .filter((name) => found[name])
    .map((name) => part(`found_${name}`))
  return items.map((item, i) => {
    const left = items.length - 1 - i
    return left === 0 ? item : part(left === 1 ? 'item_and' : 'item_comma', { item: [item] })
  })
}
const bySignal = (signal: string | undefined) => ({ signal: signal ?? [part('unknown_signal')] })

function composedParts(text: Extract<CodedText, { code: ComposedCode }>): Part[] {
  switch (text.code) {
    case 'installed':
    case 'removed': {
      const { params } = text
      return [
        part(text.code),
        ...when(params.asks_restart, 'package_asks_restart'),
        ...besides(params),
        part('exit_code', { exit_code: formatExitCode(params.exit_code) }),
        ...when(params.rule_unchecked, 'rule_unchecked'),
      ]
    }
    case 'installed_restart':
    case 'removed_restart':
      return [
        part(text.code, { exit_code: formatExitCode(text.params.exit_code) }),
        ...besides(text.params),
      ]
    case 'installed_despite_timeout':
    case 'removed_despite_timeout':
    case 'timed_out':
      return [
        part(text.code, { seconds: text.params.seconds }),
        ...effectParts(text.params, 'perhaps'),
      ]
    case 'installed_despite_interruption':
    case 'removed_despite_interruption':
      return [part(text.code), ...effectParts(text.params, 'perhaps')]
    case 'installed_despite_signal':
    case 'removed_despite_signal':
    case 'ended_by_signal':
      return [part(text.code, bySignal(text.params.signal)), ...effectParts(text.params, 'perhaps')]
    case 'installed_despite_exit_code':
    case 'removed_despite_exit_code':
    case 'installer_failed':
    case 'removal_failed': {
      const { kind, exit_code } = text.params
      const action = text.code.startsWith('remov') ? 'uninstall' : 'install'
      const meaning = explainExitCode(kind, exit_code, [], action).text
      return [
        part(text.code, { exit_code: formatExitCode(exit_code), meaning }),
        ...(text.code === 'installer_failed' || text.code === 'removal_failed'
          ? toolParts(text.params)
          : []),
        ...effectParts(text.params, 'perhaps'),
      ]
    }
    case 'interrupted':
      return [part('interrupted'), part(text.params.rule), ...effectParts(text.params, 'perhaps')]
    case 'not_detected':
    case 'still_detected':
      return [
        part(text.code, { exit_code: formatExitCode(text.params.exit_code) }),
        ...when(text.params.left_running, 'left_running'),
        ...effectParts(text.params, 'perhaps'),
      ]
    case 'dpkg_cannot_read': {
      const why = toolParts(text.params)
      return [part('dpkg_cannot_read'), ...(why.length > 0 ? why : [part('it_said_nothing')])]
    }
    case 'side_effects':
      return effectParts(text.params, 'would')
    case 'side_effects_of_removal':
      return effectParts(text.params, 'would_also')
    case 'check_database_missing':
    case 'check_database_empty':
    case 'check_database_blank': {
      const { file, ...found } = text.params
      return [part(text.code, { file, list: listParts(found) })]
    }
    case 'archive_refused': {
      const { problem, ...values } = text.params
      return [part('archive_refused', { why: [part(problem, values)] })]
    }
    case 'fetch_failed': {
      const { tries, problem, ...values } = text.params
      return [part('fetch_failed', { tries, why: [part(problem, values)] })]
    }
    case 'refused':
    case 'withdrawal_refused': {
      const { refusal, sentence = '', ...values } = text.params
      return [part(text.code, { why: refusal ? [part(refusal, values)] : sentence })]
    }
  }
}

/** The sentences of a text, in order. */
export const partsOf = (text: CodedText): Part[] =>
  isComposed(text.code)
    ? [
        ...composedParts(text as Extract<CodedText, { code: ComposedCode }>),
        ...when('for_one_user' in text.params && text.params.for_one_user, 'for_one_user'),
      ]
    : [part(text.code, text.params)]

/** The text in the language of `say`, which fills in one sentence or clause. */
export function composeWith(
  text: CodedText,
  say: (key: PartKey, values: Readonly<Record<string, string | number>>) => string,
): string {
  const join = (parts: readonly Part[]): string => parts.map(sentence).join(' ')
  const sentence = ({ key, values }: Part): string =>
    say(
      key,
      Object.fromEntries(
        Object.entries(values).map(([name, value]) => [
          name,
          typeof value === 'object' ? join(value) : value,
        ]),
      ),
    )
  return join(partsOf(text))
}

/** The English text, which stands beside code and parameters wherever they are stored or sent. */
export const compose = (text: CodedText): string =>
  composeWith(text, (key, values) => fill(ENGLISH[key], values)).slice(0, MESSAGE_LIMIT)

/** A clause about an archive in English. */
export const composeProblem = ({ problem, ...values }: ArchiveProblem): string =>
  fill(ARCHIVE_PROBLEMS[problem], values)
