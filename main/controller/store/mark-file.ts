/**
 * `DIR/database.json`: the folder's last database, how often it was opened, and whether it is open.
 * A comparison with the database's own mark shows whether the database was replaced, is an older
 * copy, or lost its log (`deployx.db-wal`).
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { writeDurably } from '../../lib/durable-file.ts'

export const MARK_FILE = 'database.json'

const FolderMark = z.object({
  database_id: z.string(),
  run: z.number().int().nonnegative(),
  /** False after a clean stop: then there is no log to lose. */
  open: z.boolean(),
})
export type FolderMark = z.infer<typeof FolderMark>

/** Null if it is missing or unreadable: then nothing is concluded. */
export function readFolderMark(dataDir: string): FolderMark | null {
  try {
    return FolderMark.parse(JSON.parse(readFileSync(join(dataDir, MARK_FILE), 'utf8')))
  } catch {
    return null
  }
}

/**
 * Call it after the database's own mark was committed, never before. A full disk keeps the old
 * mark, which is lower and causes no finding.
 */
export function writeFolderMark(dataDir: string, mark: FolderMark): void {
  try {
    writeDurably(join(dataDir, MARK_FILE), JSON.stringify(mark))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw error
  }
}
