/** Determines the version of DeployX that a database belongs to from its migrations. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type Database from 'better-sqlite3'

/**
 * How many migrations this version has, and how many the database has applied; null for a new file.
 */
export function countMigrations(
  sqlite: Database.Database,
  migrationsDir: string,
): { known: number; seen: number } | null {
  const table = sqlite
    .prepare<[], { n: number }>(
      "select count(*) n from sqlite_master where type = 'table' and name = '__drizzle_migrations'",
    )
    .get()
  if (table?.n !== 1) return null
  const seen = sqlite
    .prepare<[], { n: number }>('select count(*) n from __drizzle_migrations')
    .get()
  const journal = JSON.parse(readFileSync(join(migrationsDir, 'meta/_journal.json'), 'utf8')) as {
    entries: unknown[]
  }
  return { known: journal.entries.length, seen: seen?.n ?? 0 }
}
