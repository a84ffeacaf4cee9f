/**
 * The texts of the console. Each feature has them in its `messages.en.ts` and reads them by the `t` of its `texts.ts`.
 * A wrong key or a missing parameter does not compile, in templates either.
 */
import { createI18n } from 'vue-i18n'
import { formatCount } from './lib/count.ts'

export { I18nT } from 'vue-i18n'

/** The language is chosen before the features load, so tables of theirs may hold texts. English is complete. */
export const i18n = createI18n({ legacy: false, locale: 'en', fallbackLocale: 'en', messages: {} })

export type Messages = { readonly [key: string]: string | Messages }

/** `groupSheet.delete` for every text in the tree. */
export type KeyOf<M> = {
  [K in keyof M & string]: M[K] extends string ? K : `${K}.${KeyOf<M[K]>}`
}[keyof M & string]

type TextAt<M, K> = K extends keyof M
  ? M[K]
  : K extends `${infer Head}.${infer Rest}`
    ? Head extends keyof M
      ? TextAt<M[Head], Rest>
      : never
    : never

/** The names between braces; `{'@'}` is an escaped character. A text with plural forms needs `n`. */
type Names<Text> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? (Name extends `'${string}` ? never : Name) | Names<Rest>
  : never
type Needed<Text> = Names<Text> | (Text extends `${string} | ${string}` ? 'n' : never)
type Values<Name extends string> = { [K in Name]: K extends 'n' ? number : string | number }
type Parameters<Text> = [Needed<Text>] extends [never] ? [] : [values: Values<Needed<Text>>]

export type Texts<M> = {
  /**
   * The text with its parameters filled in. `n` chooses between forms ("{n} PC | {n} PCs") and is shown with thin spaces
   * between thousands; other numbers are shown as they are.
   */
  <K extends KeyOf<M>>(key: K, ...values: Parameters<TextAt<M, K>>): string
  /** The key for `<I18nT :keypath scope="global">`, which fills parameters with components. */
  path: (key: KeyOf<M>) => string
}

const translate = i18n.global.t as (
  key: string,
  values: Record<string, string | number>,
  plural: number,
) => string

/** Adds a feature's English texts under its name and returns its `t`. */
export function textsOf<const M extends Messages>(feature: string, english: M): Texts<M> {
  i18n.global.mergeLocaleMessage('en', { [feature]: english })
  const t = (key: string, values: Record<string, string | number> = {}): string => {
    const { n } = values
    return typeof n === 'number'
      ? translate(`${feature}.${key}`, { ...values, n: formatCount(n) }, n)
      : translate(`${feature}.${key}`, values, 1)
  }
  return Object.assign(t, { path: (key: string) => `${feature}.${key}` })
}
