/**
 * The texts of the console. Each feature has its own in `messages.en.ts` and reads them with the `t` of its `texts.ts`.
 * A wrong key or a missing parameter does not compile, in templates either.
 */
import { createI18n } from 'vue-i18n'
import type {
  AnyValues,
  KeyOf,
  Messages,
  TextAt,
  ValueArguments,
} from '#shared/domain/templates.ts'
import { formatCount } from './lib/count.ts'

export { I18nT } from 'vue-i18n'
export type { KeyOf, Messages }

/** The language is set before features load, so their constants may contain texts. Only English has every text. */
export const i18n = createI18n({ legacy: false, locale: 'en', fallbackLocale: 'en', messages: {} })

export type Texts<M> = {
  /**
   * The text with its parameters filled in. `n` chooses between forms ("{n} PC | {n} PCs") and is shown with thin spaces
   * between thousands; other numbers are shown as they are.
   */
  <K extends KeyOf<M>>(key: K, ...values: ValueArguments<TextAt<M, K>>): string
  /** The same for a key that is known only at run time: the caller makes sure that the parameters fit. */
  any: (key: KeyOf<M>, values: AnyValues) => string
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
  const t = (key: string, values: AnyValues = {}): string => {
    const { n } = values
    return typeof n === 'number'
      ? translate(`${feature}.${key}`, { ...values, n: formatCount(n) }, n)
      : translate(`${feature}.${key}`, values, 1)
  }
  return Object.assign(t, { any: t, path: (key: string) => `${feature}.${key}` })
}
