/** Plain text search: every word must occur somewhere in one of the fields; case and accents do not matter. */
const fold = (text: string) => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()

export function matches(query: string, fields: readonly (string | null | undefined)[]): boolean {
  const words = fold(query).split(/\s+/).filter(Boolean)
  if (words.length === 0) return true
  const hay = fields.map((f) => fold(f ?? '')).join('\n')
  return words.every((word) => hay.includes(word))
}

/** Natural order: PC-2 before PC-10. */
export const byName = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' }).compare
