/** How an agent's answer changes a restart. Pure. */
import type { RestartReply } from '#shared/contract/agent/restart.ts'
import { coded } from '#shared/domain/coded-texts/codes.ts'
import { refusedBy } from '#shared/domain/coded-texts/refused.ts'
import type { RestartEvent } from '#shared/domain/restart-state.ts'
import { NO_NOTE, noteOf, reportedNote } from '../../../base/coded-note.ts'
import type { EngineTimings } from '../timings.ts'
import type { RestartChange, RestartRow } from './restarts.repo.ts'

export type Answered =
  | { event: RestartEvent; change: RestartChange }
  /** The state stays; this change is noted. */
  | { event: null; change: RestartChange }

/** How it ends when the agent has withdrawn the restart. */
const withdrawn = ({ calling_off }: Pick<RestartRow, 'calling_off'>): Answered =>
  calling_off === 'overdue'
    ? {
        event: 'impossible',
        change: noteOf(coded('restart_did_not_happen', {})),
      }
    : { event: 'canceled', change: noteOf(coded('restart_withdrawn', {})) }

/**
 * @param sent which message the agent answers: the order or its withdrawal. The row may have moved on since.
 * @param row a restart that has not ended
 */
export function answered(
  row: Pick<RestartRow, 'state' | 'calling_off'>,
  sent: 'order' | 'withdrawal',
  reply: RestartReply,
  nowMs: number,
  timings: EngineTimings,
): Answered | null {
  if (row.state === 'owed') return null
  switch (reply.result) {
    case 'passed':
      return { event: 'restarted', change: noteOf(coded('restart_done', {})) }
    case 'called_off':
      return withdrawn(row)
    case 'announced':
      if (sent === 'withdrawal' || row.state !== 'ordered') return null
      return {
        event: 'announced',
        change: { due_at_ms: nowMs + reply.due_in_seconds * 1000, ...NO_NOTE },
      }
    case 'busy':
      // The agent stored nothing, so there is nothing to withdraw.
      if (sent === 'order' && row.calling_off !== null) return withdrawn(row)
      if (sent === 'withdrawal' || row.state !== 'ordered') return null
      return {
        event: 'put_off',
        change: {
          reason: 'device_busy',
          not_before_ms: nowMs + timings.restartBusyMs,
          ordered_at_ms: null,
          due_at_ms: null,
        },
      }
    case 'refused':
      return sent === 'order'
        ? { event: 'impossible', change: reportedNote(reply) }
        : { event: null, change: noteOf(refusedBy('withdrawal_refused', reply)) }
  }
}
