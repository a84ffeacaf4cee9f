/** Plain text search: every word must occur in one of the fields; case and accents do not matter. */
import { foldedForSearch } from '#shared/domain/folding.ts'

const ASCII = /^[\u0020-\u007e]*$/
/** The controller's folding, and also without accents. */
const fold = (text: string) =>
  ASCII.test(text)
    ? text.toLowerCase()
    : foldedForSearch(text).normalize('NFD').replace(/\p{M}/gu, '')

type Fields = readonly (string | null | undefined)[]

/** A matcher for many items, with the query parsed once. */
export function matcher(query: string): (fields: Fields) => boolean {
  const words = fold(query).split(/\s+/).filter(Boolean)
  if (words.length === 0) return () => true
  return (fields) => {
    const hay = fields.map((f) => fold(f ?? '')).join('\n')
    return words.every((word) => hay.includes(word))
  }
}

export const matches = (query: string, fields: Fields): boolean => matcher(query)(fields)

/** Natural order: PC-2 before PC-10. */
export const byName = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' }).compare
