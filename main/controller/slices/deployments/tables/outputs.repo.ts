/** Installer output, kept per attempt: half the limit for the beginning, which stays, and half for the latest output. */
import { and, asc, desc, eq, sql } from 'drizzle-orm'
import { OUTPUT_LIMIT_BYTES } from '#shared/domain/defaults.ts'
import type { AttemptId } from '#shared/domain/ids.ts'
import { attemptOutputs } from '../../../store/schema/index.ts'
import type { Store } from '../../../store/store.ts'
import type { AttemptRow, DeploymentsRepo } from './deployments.repo.ts'

const HALF = OUTPUT_LIMIT_BYTES / 2

export function createOutputsRepo({ db }: Store, attempts: DeploymentsRepo) {
  return {
    /**
     * Adds a piece. False: it was already recorded.
     * @param held the part that is withheld for now, sealed
     */
    append(
      attempt: AttemptRow,
      seq: number,
      text: string,
      held: string | null = attempt.output_held,
    ): boolean {
      if (seq <= attempt.output_last_seq) return false
      const size_bytes = Buffer.byteLength(text)
      const inHead =
        attempt.output_tail_bytes === 0 && attempt.output_head_bytes + size_bytes <= HALF
      const part = inHead ? 'head' : 'tail'
      db.insert(attemptOutputs)
        .values({ attempt_id: attempt.attempt_id, seq, part, size_bytes, text })
        .run()
      let tail = attempt.output_tail_bytes + (inHead ? 0 : size_bytes)
      let omitted = attempt.output_omitted_bytes
      while (tail > HALF) {
        const oldest = db
          .select({ id: attemptOutputs.id, size_bytes: attemptOutputs.size_bytes })
          .from(attemptOutputs)
          .where(
            and(eq(attemptOutputs.attempt_id, attempt.attempt_id), eq(attemptOutputs.part, 'tail')),
          )
          .orderBy(asc(attemptOutputs.seq))
          .limit(1)
          .get()
        if (!oldest) break
        db.delete(attemptOutputs).where(eq(attemptOutputs.id, oldest.id)).run()
        tail -= oldest.size_bytes
        omitted += oldest.size_bytes
      }
      attempts.changeOutput(attempt.attempt_id, {
        output_head_bytes: attempt.output_head_bytes + (inHead ? size_bytes : 0),
        output_tail_bytes: tail,
        output_omitted_bytes: omitted,
        output_last_seq: seq,
        output_held: held,
      })
      return true
    },

    /** Adds the text that was withheld until the attempt ended, with secrets masked, after the last piece. */
    release(attempt: AttemptRow, text: string): void {
      const size_bytes = Buffer.byteLength(text)
      const last = db
        .select({ id: attemptOutputs.id, part: attemptOutputs.part })
        .from(attemptOutputs)
        .where(eq(attemptOutputs.attempt_id, attempt.attempt_id))
        .orderBy(desc(attemptOutputs.seq))
        .limit(1)
        .get()
      attempts.changeOutput(attempt.attempt_id, {
        output_held: null,
        ...(last?.part === 'head'
          ? { output_head_bytes: attempt.output_head_bytes + size_bytes }
          : { output_tail_bytes: attempt.output_tail_bytes + size_bytes }),
      })
      if (last)
        db.update(attemptOutputs)
          .set({
            text: sql`${attemptOutputs.text} || ${text}`,
            size_bytes: sql`${attemptOutputs.size_bytes} + ${size_bytes}`,
          })
          .where(eq(attemptOutputs.id, last.id))
          .run()
    },

    /** All the kept output, with a line where something was left out. */
    text(attemptId: AttemptId): string {
      const rows = db
        .select({ part: attemptOutputs.part, text: attemptOutputs.text })
        .from(attemptOutputs)
        .where(eq(attemptOutputs.attempt_id, attemptId))
        .orderBy(asc(attemptOutputs.seq))
        .all()
      const omitted = attempts.attempt(attemptId)?.output_omitted_bytes ?? 0
      const join = (part: 'head' | 'tail') =>
        rows
          .filter((row) => row.part === part)
          .map((row) => row.text)
          .join('')
      return join('head') + (omitted > 0 ? `\n… ${omitted} bytes left out …\n` : '') + join('tail')
    },
  }
}
export type OutputsRepo = ReturnType<typeof createOutputsRepo>
