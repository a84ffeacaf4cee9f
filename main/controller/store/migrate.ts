/**
 * Brings the tables up to this version, in one transaction. Uses the same table and order as
 * drizzle's own migrator.
 */
import type Database from 'better-sqlite3'
import { readMigrationFiles } from 'drizzle-orm/migrator'

/**
 * Drizzle's own migrator hides the first error behind that of its ROLLBACK when the disk is full.
 * @throws what SQLite throws; everything is rolled back
 */
export function migrateTables(sqlite: Database.Database, migrationsDir: string): void {
  const migrations = readMigrationFiles({ migrationsFolder: migrationsDir })
  sqlite
    .transaction(() => {
      sqlite.exec(
        'CREATE TABLE IF NOT EXISTS "__drizzle_migrations" (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at numeric)',
      )
      const last = sqlite
        .prepare<[], { at: number }>(
          'SELECT created_at at FROM "__drizzle_migrations" ORDER BY created_at DESC LIMIT 1',
        )
        .get()
      const note = sqlite.prepare(
        'INSERT INTO "__drizzle_migrations" ("hash", "created_at") VALUES (?, ?)',
      )
      for (const { sql, hash, folderMillis } of migrations) {
        if (last && Number(last.at) >= folderMillis) continue
        for (const statement of sql) sqlite.exec(statement)
        note.run(hash, folderMillis)
      }
    })
    .immediate()
}
