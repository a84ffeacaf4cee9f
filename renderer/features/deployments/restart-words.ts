/** Restarts of PCs in words. Pure. */
import type { Deployment, PreflightTarget, Target } from '#shared/contract/rest/deployments.ts'
import type { TargetRestart } from '#shared/contract/rest/restarts.ts'
import { isRestartOpen } from '#shared/domain/restart-state.ts'
import { countOf, formatClockTime, formatDay } from '../../ui/lib/format.ts'
import { REASON_TEXT } from './reasons.ts'

/** "at 14:05", "tomorrow at 02:10". */
const moment = (iso: string, nowMs: number): string => {
  const atMs = Date.parse(iso)
  const day = formatDay(atMs, nowMs)
  const time = `at ${formatClockTime(atMs)}`
  return day === 'today' ? time : `${day} ${time}`
}

/** Shown beside "Completed": the state of the restart that completes the installation. */
export function restartInWords(restart: TargetRestart, nowMs: number): string {
  switch (restart.state) {
    case 'owed':
      if (!restart.reason) return 'a restart is needed'
      // The text of this reason does not continue "waits".
      return restart.reason === 'retry_later'
        ? 'restart waits until the PC is free'
        : `restart waits ${REASON_TEXT[restart.reason].text}`
    case 'ordered':
    case 'announced':
      if (restart.calling_off) return 'its restart is being called off'
      return restart.due_at
        ? `restarts ${moment(restart.due_at, nowMs)}, notice is shown`
        : 'its restart is being ordered'
    case 'done':
      return `restarted ${moment(restart.since, nowMs)}`
    case 'failed':
    case 'given_up':
      return `not restarted: ${restart.message ?? 'how it ended is not known'}`
    case 'canceled':
      return 'restart called off, still needed'
  }
}

/** Whether someone has to restart the PC by hand. */
export const isRestartOpenToPeople = ({ state }: Pick<TargetRestart, 'state'>): boolean =>
  state === 'failed' || state === 'given_up' || state === 'canceled'

/** "2 announced, 1 waiting, 12 restarted, 1 not possible": of one deployment; empty if there is nothing to report. */
export function restartsInWords({ restarts }: Pick<Deployment, 'restarts'>): string {
  const { announced, owed, done, failed, canceled } = restarts
  return [
    announced > 0 ? `${announced} announced` : '',
    owed > 0 ? `${owed} waiting` : '',
    done > 0 ? `${countOf(done, 'PC')} restarted` : '',
    failed > 0 ? `${failed} not restarted` : '',
    canceled > 0 ? `${canceled} called off` : '',
  ]
    .filter(Boolean)
    .join(', ')
}

/** The number of restarts that can still be called off. */
export const openRestarts = ({ restarts }: Pick<Deployment, 'restarts'>): number =>
  restarts.owed + restarts.announced

/** Whether the restart of this target's PC can still be called off. */
export const canCallOff = ({ restart }: Pick<Target, 'restart'>): boolean =>
  restart !== undefined && isRestartOpen(restart.state) && !restart.calling_off

/**
 * The confirmation before the restart of one PC is called off.
 * @param online whether its agent can receive the cancellation now; an offline PC restarts at the announced time
 */
export function callOffQuestion(
  { device_name, restart, action }: Pick<Target, 'device_name' | 'restart' | 'action'>,
  online: boolean,
  nowMs: number,
) {
  const isOrdered = restart?.state === 'announced' || restart?.state === 'ordered'
  const when = restart?.due_at ? ` that it restarts ${moment(restart.due_at, nowMs)}` : ''
  return {
    title: `Call off the restart of ${device_name}?`,
    text: [
      isOrdered
        ? online
          ? `A notice there says${when || ' that it restarts'}: it is withdrawn as soon as the agent hears of it.`
          : `It is offline and has its order already: unless it comes back before, it restarts${restart?.due_at ? ` ${moment(restart.due_at, nowMs)}` : ' when its time comes'} nevertheless.`
        : 'Nobody there has been told of it yet.',
      `What was ${action === 'install' ? 'installed' : 'removed'} is complete only after a restart; somebody has to see to that. Other PCs of this deployment restart as planned.`,
    ].join(' '),
    action: 'Call off restart',
    keep: 'Keep it',
    danger: true,
  }
}

const NAMED = 3

/** Lines for the review: the restarts that may follow, and the PCs that cannot restart. */
export function restartLines(
  targets: readonly Pick<
    PreflightTarget,
    'device_id' | 'device_name' | 'restart' | 'restart_note'
  >[],
  minutes: number | null,
): { key: string; title: string; names: string }[] {
  const cannot = new Map(
    targets.filter((t) => t.restart === 'impossible').map((t) => [t.device_id, t]),
  )
  if (cannot.size === 0 && !targets.some((t) => t.restart === 'may_follow')) return []
  const notice = countOf(minutes ?? 0, 'minute')
  const [first] = cannot.values()
  const names = [...cannot.values()].map((t) => t.device_name)
  const more = names.length - NAMED
  return [
    {
      key: 'restarts',
      title: 'Restarts',
      names: `PCs whose installer asks for it, ${notice} after a notice on their screens`,
    },
    ...(first
      ? [
          {
            key: 'no-restarts',
            title: 'No restart',
            names: `${names.slice(0, NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}: ${first.restart_note ?? ''}`,
          },
        ]
      : []),
  ]
}
