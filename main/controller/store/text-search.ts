/**
 * Search for a part of a text in a table that only grows: an SQLite full-text index (FTS5) over the
 * trigrams of the folded text. Rows are indexed in the background, in the order of their ids; rows
 * after the last indexed one are few, and searched directly.
 *
 * The index holds no positions, which keeps it small: it finds rows that contain all trigrams of
 * the text, so the caller still compares the text itself.
 */
import type Database from 'better-sqlite3'
import { foldedForSearch } from '#shared/domain/folding.ts'

const GRAM = 3
/** More of them exclude no more rows. */
const GRAMS_ASKED = 24
/** Follows every text, so that its last characters begin a trigram too. Separates its parts. */
const END = '\n'

export type IndexedText = { id: number; text: string }

/** The text of a row that consists of several parts: no match spans two of them. */
export const joinParts = (parts: readonly string[]): string => parts.join(END)

function gramsOf(text: string): string[] {
  const chars = [...text]
  const grams = new Set<string>()
  for (let i = 0; i + GRAM <= chars.length; i++) grams.add(chars.slice(i, i + GRAM).join(''))
  return [...grams]
}
/**
 * The three characters of a name that the fewest rows contain, judged by the names that rows have:
 * one that all names share excludes nothing, and costs as much to look up as all rows.
 */
export function rarestPart(name: string, rows: readonly { name: string; rows: number }[]): string {
  const folded = rows.map((row) => ({ ...row, name: foldedForSearch(row.name) }))
  let [rarest, fewest] = [name, Infinity]
  for (const gram of gramsOf(foldedForSearch(name))) {
    const found = folded.reduce((sum, row) => sum + (row.name.includes(gram) ? row.rows : 0), 0)
    if (found < fewest) [rarest, fewest] = [gram, found]
  }
  return rarest
}
const quoted = (gram: string): string => `"${gram.replaceAll('"', '""')}"`

export type TextSearch = ReturnType<typeof createTextSearch>

/** @param name of the index's table, from code */
export function createTextSearch(sqlite: Database.Database, name: string) {
  const progress = sqlite
    .prepare<[string], number>('select up_to from search_progress where name = ?')
    .pluck()
  const setProgress = sqlite.prepare<[string, number]>(
    'insert into search_progress (name, up_to) values (?, ?) on conflict do update set up_to = excluded.up_to',
  )
  const insert = sqlite.prepare<[number, string]>(`insert into ${name} (rowid, text) values (?, ?)`)
  const addTerm = sqlite.prepare<[string]>('insert or ignore into search_terms (term) values (?)')
  const termsFrom = sqlite
    .prepare<[string, string], string>('select term from search_terms where term >= ? and term < ?')
    .pluck()

  return {
    /** Rows up to this id are in the index. */
    upTo: (): number => progress.get(name) ?? 0,
    /** Adds the rows that follow, in the order of their ids. Call it inside a transaction. */
    add(rows: readonly IndexedText[]): void {
      const terms = new Set<string>()
      for (const { id, text } of rows) {
        const folded = foldedForSearch(text) + END + END
        insert.run(id, folded)
        for (const gram of gramsOf(folded)) terms.add(gram)
      }
      for (const term of terms) addTerm.run(term)
      const last = rows.at(-1)
      if (last) setProgress.run(name, last.id)
    },
    /**
     * The full-text query for rows that contain all these texts; null: no indexed row does. A text
     * of one or two characters begins some of the known trigrams.
     */
    query(texts: readonly string[]): string | null {
      const all: string[] = []
      for (const text of texts.map(foldedForSearch)) {
        if (text === '') continue
        const grams = gramsOf(text)
        if (grams.length > 0) {
          all.push(...grams.slice(0, GRAMS_ASKED).map(quoted))
          continue
        }
        const terms = termsFrom.all(text, text + '\u{10ffff}')
        if (terms.length === 0) return null
        all.push(`(${terms.map(quoted).join(' OR ')})`)
      }
      return all.length > 0 && !all.some((gram) => gram.includes('\0')) ? all.join(' AND ') : null
    },
  }
}
