/** What the check reads from the database, through a separate connection. */
import type Database from 'better-sqlite3'

export type StoredContent = {
  sha256: string
  size_bytes: number
  /** Name and version of a software entry that uses it, or null. */
  used_by: string | null
}

const MAX_FAULTS = 5

/** The result of SQLite's integrity check; empty if the file is intact. */
export function isWhole(db: Database.Database): string[] {
  const found = db.pragma(`integrity_check(${MAX_FAULTS})`) as { integrity_check: string }[]
  return found.map(({ integrity_check }) => integrity_check).filter((text) => text !== 'ok')
}

export const listContents = (db: Database.Database): StoredContent[] =>
  db
    .prepare<[], StoredContent>(
      `select c.sha256, c.size_bytes, (
         select trim(s.name || ' ' || s.version) from installers i join software s on s.id = i.software_id
         where i.sha256 = c.sha256 limit 1
       ) used_by
       from contents c order by c.sha256`,
    )
    .all()

export type SealedInstaller = {
  /** Name and version of its software. */
  software: string
  sealed_args: string
}

/** Installers of the library with secrets in their arguments. Others cannot be edited. */
export const listSealed = (db: Database.Database): SealedInstaller[] =>
  db
    .prepare<[], SealedInstaller>(
      `select trim(s.name || ' ' || s.version) software, i.sealed_args
       from installers i join software s on s.id = i.software_id
       where i.sealed_args is not null and s.deleted_at is null and s.origin = 'library' order by i.id`,
    )
    .all()

export const knowsContent = (db: Database.Database, sha256: string): boolean =>
  db.prepare('select 1 from contents where sha256 = ?').get(sha256) !== undefined
