/**
 * Statements for hot paths: building and preparing one costs ten times its run, so each shape is
 * prepared once.
 */
import type Database from 'better-sqlite3'

type Value = string | number | null

/**
 * Updates rows of one table by key. The columns are those of `change`; each set of columns is
 * prepared once. Column and table names come from code, never from input. Values are bound
 * unchanged: no JSON, no booleans.
 */
export function createUpdater<Row extends Record<string, Value>>(
  sqlite: Database.Database,
  table: string,
  key: string,
) {
  const statements = new Map<string, Database.Statement>()
  return (id: Value, change: Partial<Row>): void => {
    const columns = Object.keys(change).filter((column) => change[column] !== undefined)
    if (columns.length === 0) return
    const shape = columns.join()
    let statement = statements.get(shape)
    if (!statement) {
      statement = sqlite.prepare(
        `update ${table} set ${columns.map((c) => `${c} = ?`).join(', ')} where ${key} = ?`,
      )
      statements.set(shape, statement)
    }
    statement.run(...columns.map((column) => change[column]), id)
  }
}
