/** What an agent's answer makes of a restart. Pure. */
import type { RestartReply } from '#shared/contract/agent/restart.ts'
import type { RestartEvent } from '#shared/domain/restart-state.ts'
import type { EngineTimings } from '../timings.ts'
import type { RestartChange, RestartRow } from './restarts.repo.ts'

const MESSAGE_LIMIT = 500

export type Answered =
  | { event: RestartEvent; change: RestartChange }
  /** It stays as it is, and this is noted. */
  | { event: null; change: RestartChange }

const said = (message: string): string => message.slice(0, MESSAGE_LIMIT)

/** How it ends when the agent has withdrawn it. */
const calledOff = ({ calling_off }: Pick<RestartRow, 'calling_off'>): Answered =>
  calling_off === 'overdue'
    ? {
        event: 'impossible',
        change: {
          message:
            'The PC was not restarted at the end of its notice: somebody may have called it off there. It will not restart for this any more.',
        },
      }
    : { event: 'called_off', change: { message: 'Called off.' } }

/**
 * @param told what the agent was told: the order, or its withdrawal. The row may be ahead of it by now.
 * @param row open still
 */
export function answered(
  row: Pick<RestartRow, 'state' | 'calling_off'>,
  told: 'order' | 'call_off',
  reply: RestartReply,
  nowMs: number,
  timings: EngineTimings,
): Answered | null {
  if (row.state === 'owed') return null
  switch (reply.result) {
    case 'passed':
      return { event: 'restarted', change: { message: 'Restarted after its notice.' } }
    case 'called_off':
      return calledOff(row)
    case 'announced':
      if (told === 'call_off' || row.state !== 'ordered') return null
      return {
        event: 'announced',
        change: { due_at_ms: nowMs + reply.due_in_seconds * 1000, message: null },
      }
    case 'busy':
      // Nothing of it is kept there, so there is nothing to withdraw.
      if (told === 'order' && row.calling_off !== null) return calledOff(row)
      if (told === 'call_off' || row.state !== 'ordered') return null
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
      return told === 'order'
        ? { event: 'impossible', change: { message: said(reply.message) } }
        : {
            event: null,
            change: { message: said(`It could not be called off yet: ${reply.message}`) },
          }
  }
}
