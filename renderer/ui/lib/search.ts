/** Plain text search: every word must occur somewhere in one of the fields; case and accents do not matter. */
import { foldedForSearch } from '#shared/domain/folding.ts'

const ASCII = /^[\u0020-\u007e]*$/
/** As the controller searches, and accents may be left out. */
const fold = (text: string) =>
  ASCII.test(text)
    ? text.toLowerCase()
    : foldedForSearch(text).normalize('NFD').replace(/\p{M}/gu, '')

type Fields = readonly (string | null | undefined)[]

/** A test for many things, with the query taken apart once. */
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
