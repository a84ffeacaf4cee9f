import { eq, sql } from 'drizzle-orm'
import type { Sha256 } from '#shared/domain/ids.ts'
import { contents } from '../../store/schema/index.ts'
import type { Store } from '../../store/store.ts'

export type ContentRow = typeof contents.$inferSelect

export function createContentRepo({ db, sqlite }: Store) {
  const sizeOf = sqlite.prepare<[string], { size_bytes: number }>(
    'select size_bytes from contents where sha256 = ?',
  )
  const isUsed = sqlite.prepare<[string], { one: number }>(
    'select 1 one from installers where sha256 = ? limit 1',
  )
  return {
    /** Size in bytes, or null if this content is not stored here. */
    sizeBytes: (sha256: Sha256): number | null => sizeOf.get(sha256)?.size_bytes ?? null,
    /** SHA-256 of every 1 MiB chunk, 32 bytes each, one after another. */
    chunkHashes: (sha256: Sha256): Buffer | null =>
      db
        .select({ chunk_hashes: contents.chunk_hashes })
        .from(contents)
        .where(eq(contents.sha256, sha256))
        .get()?.chunk_hashes ?? null,
    /** Size in bytes and chunk hashes; null if this content is not stored here. */
    stored(sha256: Sha256): { sizeBytes: number; chunkHashes: Buffer } | null {
      const row = db.select().from(contents).where(eq(contents.sha256, sha256)).get()
      return row ? { sizeBytes: row.size_bytes, chunkHashes: row.chunk_hashes } : null
    },
    /** An existing row stays; its file was replaced, so it is no longer damaged. */
    keep: (row: typeof contents.$inferInsert): void => {
      db.insert(contents)
        .values(row)
        .onConflictDoUpdate({ target: contents.sha256, set: { damaged_at: null } })
        .run()
    },
    setDamaged: (sha256: Sha256, at: string | null): void => {
      db.update(contents).set({ damaged_at: at }).where(eq(contents.sha256, sha256)).run()
    },
    remove: (sha256: Sha256): void => {
      db.delete(contents).where(eq(contents.sha256, sha256)).run()
    },
    all: (): Pick<ContentRow, 'sha256' | 'size_bytes' | 'damaged_at'>[] =>
      db
        .select({
          sha256: contents.sha256,
          size_bytes: contents.size_bytes,
          damaged_at: contents.damaged_at,
        })
        .from(contents)
        .all(),
    /** Stored, but not the file of any installer. */
    unused: (): Sha256[] =>
      db
        .select({ sha256: contents.sha256 })
        .from(contents)
        .where(
          sql`not exists (select 1 from installers where installers.sha256 = ${contents.sha256})`,
        )
        .all()
        .map((row) => row.sha256),
    isUsed: (sha256: Sha256): boolean => isUsed.get(sha256) !== undefined,
  }
}
export type ContentRepo = ReturnType<typeof createContentRepo>
