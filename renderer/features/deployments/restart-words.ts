/** Restarts of PCs in words. Pure. */
import type { Deployment, PreflightTarget, Target } from '#shared/contract/rest/deployments.ts'
import type { TargetRestart } from '#shared/contract/rest/restarts.ts'
import { isRestartOpen } from '#shared/domain/restart-state.ts'
import { restartNoteText, restartText } from '../../ui/lib/coded-text.ts'
import { formatClockTime, isToday } from '../../ui/lib/format.ts'
import { REASON_TEXT } from './reasons.ts'
import { momentInWords } from './rollout-words.ts'
import { t } from './texts.ts'

/** "at 14:05", "tomorrow at 02:10". */
const moment = (iso: string, nowMs: number): string => {
  const atMs = Date.parse(iso)
  const time = t('restart.at', { time: formatClockTime(atMs) })
  return isToday(atMs, nowMs) ? time : momentInWords(atMs, nowMs)
}

/** Shown beside "Completed": the state of the restart that completes the installation. */
export function restartInWords(restart: TargetRestart, nowMs: number): string {
  switch (restart.state) {
    case 'owed':
      if (!restart.reason) return t('restart.needed')
      // The text of this reason does not continue "waits".
      return restart.reason === 'retry_later'
        ? t('restart.waitsUntilFree')
        : t('restart.waits', { reason: REASON_TEXT[restart.reason].text })
    case 'ordered':
    case 'announced':
      if (restart.calling_off) return t('restart.cancelling')
      return restart.due_at
        ? t('restart.announced', { time: moment(restart.due_at, nowMs) })
        : t('restart.ordering')
    case 'done':
      return t('restart.done', { time: moment(restart.since, nowMs) })
    case 'failed':
    case 'given_up':
      return t('restart.failed', { message: restartText(restart) ?? t('restart.unknown') })
    case 'canceled':
      return t('restart.cancelled')
  }
}

/** Whether someone has to restart the PC by hand. */
export const isRestartOpenToPeople = ({ state }: Pick<TargetRestart, 'state'>): boolean =>
  state === 'failed' || state === 'given_up' || state === 'canceled'

/** "2 announced, 1 waiting, 12 restarted, 1 not possible": of one deployment; empty if there is nothing to report. */
export function restartsInWords({ restarts }: Pick<Deployment, 'restarts'>): string {
  const { announced, owed, done, failed, canceled } = restarts
  return [
    announced > 0 ? t('restarts.announced', { n: announced }) : '',
    owed > 0 ? t('restarts.waiting', { n: owed }) : '',
    done > 0 ? t('restarts.done', { n: done }) : '',
    failed > 0 ? t('restarts.failed', { n: failed }) : '',
    canceled > 0 ? t('restarts.cancelled', { n: canceled }) : '',
  ]
    .filter(Boolean)
    .join(', ')
}

/** The number of restarts that can still be cancelled. */
export const openRestarts = ({ restarts }: Pick<Deployment, 'restarts'>): number =>
  restarts.owed + restarts.announced

/** Whether the restart of this target's PC can still be cancelled. */
export const canCancelRestart = ({ restart }: Pick<Target, 'restart'>): boolean =>
  restart !== undefined && isRestartOpen(restart.state) && !restart.calling_off

/**
 * The confirmation before the restart of one PC is cancelled.
 * @param online whether its agent can receive the cancellation now; an offline PC restarts at the announced time
 */
export function cancelRestartQuestion(
  { device_name, restart, action }: Pick<Target, 'device_name' | 'restart' | 'action'>,
  online: boolean,
  nowMs: number,
) {
  const time = restart?.due_at ? moment(restart.due_at, nowMs) : null
  const state = () => {
    if (restart?.state !== 'announced' && restart?.state !== 'ordered')
      return t('restart.notNotified')
    if (time === null) return t(online ? 'restart.noticeShown' : 'restart.offline')
    return t(online ? 'restart.noticeShownAt' : 'restart.offlineAt', { time })
  }
  return {
    title: t('restart.cancelTitle', { name: device_name }),
    text: [
      state(),
      t(action === 'install' ? 'restart.installIncomplete' : 'restart.removalIncomplete'),
      t('restart.othersAsPlanned'),
    ].join(' '),
    action: t('restart.cancel'),
    keep: t('restart.keep'),
    danger: true,
  }
}

const NAMED = 3

/** Lines for the review: the restarts that may follow, and the PCs that cannot restart. */
export function restartLines(
  targets: readonly Pick<
    PreflightTarget,
    | 'device_id'
    | 'device_name'
    | 'restart'
    | 'restart_note'
    | 'restart_note_code'
    | 'restart_note_params'
  >[],
  minutes: number | null,
): { key: string; title: string; names: string }[] {
  const cannot = new Map(
    targets.filter(({ restart }) => restart === 'impossible').map((one) => [one.device_id, one]),
  )
  if (cannot.size === 0 && !targets.some(({ restart }) => restart === 'may_follow')) return []
  const [first] = cannot.values()
  const names = [...cannot.values()].map((target) => target.device_name)
  const shown = names.slice(0, NAMED).join(', ')
  const more = names.length - NAMED
  return [
    {
      key: 'restarts',
      title: t('restarts.heading'),
      names: t('restarts.mayFollow', { n: minutes ?? 0 }),
    },
    ...(first
      ? [
          {
            key: 'no-restarts',
            title: t('restarts.impossible'),
            names: t('restarts.impossibleOn', {
              names: more > 0 ? t('rollout.andMore', { names: shown, more }) : shown,
              note: restartNoteText(first) ?? '',
            }),
          },
        ]
      : []),
  ]
}
