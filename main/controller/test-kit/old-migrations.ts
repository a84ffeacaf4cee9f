/** The migrations of earlier versions, to make databases as those left them. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MIGRATIONS_DIR } from './paths.ts'

/** A folder, made inside `folder`, with the migrations of a version that had only the first `count` of them. */
export function migrationsUpTo(folder: string, count: number): string {
  const dir = join(folder, `migrations-${count}`)
  cpSync(MIGRATIONS_DIR, dir, { recursive: true })
  const journal = join(dir, 'meta', '_journal.json')
  const known = JSON.parse(readFileSync(journal, 'utf8')) as { entries: unknown[] }
  writeFileSync(journal, JSON.stringify({ ...known, entries: known.entries.slice(0, count) }))
  return dir
}
