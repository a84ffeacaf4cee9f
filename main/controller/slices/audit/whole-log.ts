/** Reads the whole log in short steps. */
import { createTurns } from '../../base/turns.ts'
import type { TickerTime } from '../../base/ticker.ts'
import type { AuditRepo, AuditRow } from './audit.repo.ts'
import type { LogLine } from './export.ts'

/** Rows per step: with their data, a few milliseconds. */
export const CHUNK = 20

export type WholeLog = ReturnType<typeof createWholeLog>

export function createWholeLog({ repo, clock }: { repo: AuditRepo; clock: TickerTime }) {
  /**
   * All entries that exist at this moment, oldest first, in chunks, with time for other work in
   * between.
   */
  async function* chunks(): AsyncGenerator<AuditRow[]> {
    const upTo = repo.last()?.id ?? 0
    const otherWork = createTurns(clock)
    for (let after = 0; ;) {
      const rows = repo.rowsAfter(after, upTo, CHUNK)
      const last = rows.at(-1)
      if (!last) return
      yield rows
      after = last.id
      await otherWork()
    }
  }
  async function* lines(): AsyncGenerator<LogLine[]> {
    for await (const rows of chunks()) {
      const heads = new Map(
        repo.headsOver(rows[0]!.id, rows.at(-1)!.id).map((head) => [head.entry_id, head]),
      )
      yield rows.map((row) => ({ row, head: heads.get(row.id) ?? null }))
    }
  }

  return { chunks, lines }
}
