/** The database as a plain file: copied beside a running controller, and inspected before use. */
import { closeSync, openSync } from 'node:fs'
import Database from 'better-sqlite3'
import { countMigrations } from './count-migrations.ts'

/**
 * A compact copy as of one moment. `into` must not exist. Read-only, through a separate connection.
 */
export function snapshotDatabase(file: string, into: string): void {
  const db = new Database(file, { readonly: true, timeout: 5_000 })
  try {
    // SQLite writes into an existing empty file and keeps its mode.
    closeSync(openSync(into, 'wx', 0o600))
    db.prepare('VACUUM INTO ?').run(into)
  } finally {
    db.close()
  }
}

/** Whether it contains an account. A file that is not a DeployX database has none. */
export function hasUsers(file: string): boolean {
  let db: Database.Database | null = null
  try {
    db = new Database(file, { readonly: true, fileMustExist: true, timeout: 5_000 })
    return db.prepare('select 1 from users limit 1').get() !== undefined
  } catch {
    return false
  } finally {
    db?.close()
  }
}

/** Whether a newer version of DeployX has changed its tables: this version cannot open it. */
export function isOfNewerVersion(file: string, migrationsDir: string): boolean {
  const db = new Database(file, { readonly: true, fileMustExist: true, timeout: 5_000 })
  try {
    const state = countMigrations(db, migrationsDir)
    return state !== null && state.seen > state.known
  } finally {
    db.close()
  }
}

/** Ends all sessions and revokes all codes: a lost computer may have held them. */
export function forgetSecrets(file: string, at: string): void {
  const db = new Database(file, { fileMustExist: true, timeout: 5_000 })
  try {
    db.transaction(() => {
      db.exec('delete from sessions')
      db.prepare('update enrollments set revoked_at = ? where revoked_at is null').run(at)
    })()
    db.pragma('wal_checkpoint(TRUNCATE)')
  } finally {
    db.close()
  }
}
