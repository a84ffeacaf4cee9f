/**
 * Texts with named parameters, in the syntax of vue-i18n, so that the console can show the same ones: `{name}` is filled in,
 * `{n}` chooses between forms ("{n} PC | {n} PCs"), and `{'@'}` is that sign. Pure.
 */
export type Messages = { readonly [key: string]: string | Messages }

/** `groupSheet.delete` for every text in the tree. */
export type KeyOf<M> = {
  [K in keyof M & string]: M[K] extends string ? K : `${K}.${KeyOf<M[K]>}`
}[keyof M & string]

export type TextAt<M, K> = K extends keyof M
  ? M[K]
  : K extends `${infer Head}.${infer Rest}`
    ? Head extends keyof M
      ? TextAt<M[Head], Rest>
      : never
    : never

type Names<Text> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? (Name extends `'${string}` ? never : Name) | Names<Rest>
  : never
type Needed<Text> = Names<Text> | (Text extends `${string} | ${string}` ? 'n' : never)
/** The parameters of a text; empty if it has none. */
export type ValuesOf<Text> = { [K in Needed<Text>]: K extends 'n' ? number : string | number }
/** The same as an argument list. */
export type ValueArguments<Text> = [Needed<Text>] extends [never] ? [] : [values: ValuesOf<Text>]

export type AnyValues = Readonly<Record<string, string | number>>

/** Bounded, so that no text takes long. */
const PLACEHOLDER = /\{(?:'([^']{0,8})'|(\w{1,40}))\}/g

function formOf(template: string, n: string | number | undefined): string {
  const [one, more] = template.split(' | ')
  return n === 1 || more === undefined ? one! : more
}

/** The text with its parameters filled in. Placeholders inside a value stay as they are. */
export const fill = (template: string, values: AnyValues): string =>
  formOf(template, values['n']).replaceAll(
    PLACEHOLDER,
    (all, sign: string | undefined, name: string) => sign ?? String(values[name] ?? all),
  )

/** The parameters that a text needs. */
export const namesIn = (template: string): ReadonlySet<string> =>
  new Set([
    ...[...template.matchAll(PLACEHOLDER)].flatMap(([, , name]) => name ?? []),
    ...(template.includes(' | ') ? ['n'] : []),
  ])

/** Whether these are all parameters that the text needs, in case they come from outside. */
export const fits = (template: string, values: AnyValues): boolean =>
  [...namesIn(template)].every((name) => Object.hasOwn(values, name)) &&
  (!template.includes(' | ') || typeof values['n'] === 'number')

export type Translator<M> = <K extends KeyOf<M>>(
  key: K,
  ...values: ValueArguments<TextAt<M, K>>
) => string

/** Every text of a tree with its key. */
const textsIn = (tree: Messages, path = ''): [key: string, text: string][] =>
  Object.entries(tree).flatMap(([name, value]) =>
    typeof value === 'string'
      ? [[`${path}${name}`, value] as [string, string]]
      : textsIn(value, `${path}${name}.`),
  )
export const keysOf = (tree: Messages): string[] => textsIn(tree).map(([key]) => key)

/** The `t` of a tree of messages, outside the console. */
export function translator<const M extends Messages>(messages: M): Translator<M> {
  const texts = new Map(textsIn(messages))
  return (key: string, values: AnyValues = {}) => fill(texts.get(key) ?? key, values)
}
