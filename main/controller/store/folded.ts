/**
 * Search and comparison of names in SQL, the same as everywhere else (shared/domain/folding.ts).
 * SQLite's own LIKE and lower() fold case only for ASCII. ASCII texts are compared by SQLite
 * itself, which is many times faster than calling a function.
 */
import type Database from 'better-sqlite3'
import { sql, type SQL, type SQLWrapper } from 'drizzle-orm'
import { foldedForSearch, foldedName } from '#shared/domain/folding.ts'

/** Registers `folded(text)` and `folded_name(text)` on this connection. */
export function addFolding(sqlite: Database.Database): void {
  const onText = (fold: (text: string) => string) => (value: unknown) =>
    typeof value === 'string' ? fold(value) : value
  sqlite.function('folded', { deterministic: true }, onText(foldedForSearch))
  sqlite.function('folded_name', { deterministic: true }, onText(foldedName))
}

/** The parameters of `containsSql` for a text: `%` and `_` in it are literal. */
export function searchParameters(text: string): { like: string; folded: string } {
  const folded = foldedForSearch(text)
  return { like: `%${folded.replaceAll(/[%_\\]/g, '\\$&')}%`, folded }
}

/**
 * A condition for a prepared statement with the parameters `like` and `folded`. @param column from
 * code, never from input
 */
export const containsSql = (column: string): string =>
  `case when octet_length(${column}) = length(${column}) then ${column} like @like escape '\\'
   else instr(folded(${column}), @folded) > 0 end`

/** Whether the column equals this name, whatever its case. */
export const isName = (column: SQLWrapper, name: string): SQL =>
  sql`folded_name(${column}) = ${foldedName(name)}`
