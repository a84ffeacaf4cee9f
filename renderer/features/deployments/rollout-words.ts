/** Waves, start times and maintenance windows in words. Pure. */
import type { Deployment, Preflight } from '#shared/contract/rest/deployments.ts'
import {
  oddEdgeOf,
  windowAt,
  windowInWords,
  type MaintenanceWindow,
} from '#shared/domain/maintenance-window.ts'
import type { Strategy, StrategyType } from '#shared/domain/strategy.ts'
import { ownTimeZone } from '#shared/domain/time-zone.ts'
import { pauseText } from '../../ui/lib/coded-text.ts'
import { CLOCK_NOTE_MS } from '../../ui/lib/controller-clock.ts'
import { formatClockTime, formatCount, formatDay, formatSpan } from '../../ui/lib/format.ts'
import { wavesOf } from './rollout.ts'
import { t } from './texts.ts'

/** Groups consecutive waves of the same size: [10, 10, 10, 3] → [[3, 10], [1, 3]]. */
function runsOf(sizes: readonly number[]): [times: number, size: number][] {
  const runs: [number, number][] = []
  for (const size of sizes) {
    const last = runs.at(-1)
    if (last?.[1] === size) last[0]++
    else runs.push([1, size])
  }
  return runs
}

/**
 * The rollout in short sentences: "3 PCs first, then 37.", "4 batches of 10 PCs, then 3. Pause between batches: 5 min."
 * Empty if there are no PCs or the strategy is incomplete.
 */
export function wavesInWords(type: StrategyType, strategy: Strategy, deviceCount: number): string {
  const sizes = wavesOf(type, strategy, deviceCount)
  const [first] = sizes
  if (first === undefined) return ''
  const atOnce = Math.min(strategy.max_concurrent, Math.max(...sizes))
  const isLimited = atOnce < Math.max(...sizes)
  if (sizes.length === 1) {
    if (type !== 'parallel') return t('rollout.firstWaveOnly', { n: deviceCount })
    return isLimited
      ? t('rollout.allLimited', { n: atOnce, all: formatCount(deviceCount) })
      : t('rollout.all', { n: deviceCount })
  }
  const pause = strategy.pause_seconds ?? 0
  return [
    type === 'canary'
      ? t('rollout.pilot', { n: first, others: formatCount(sizes[1] ?? 0) })
      : batchesInWords(sizes),
    isLimited ? t('rollout.atMost', { n: atOnce }) : '',
    type === 'rolling' && pause > 0 ? t('rollout.pause', { time: formatSpan(pause * 1000) }) : '',
  ]
    .filter(Boolean)
    .join(' ')
}

function batchesInWords(sizes: readonly number[]): string {
  const [[times, size] = [0, 0], [, rest = 0] = []] = runsOf(sizes)
  if (times === 1) return t('rollout.oneBatch', { n: size, rest })
  return rest > 0
    ? t('rollout.batchesAndRest', { times, n: size, rest })
    : t('rollout.batches', { times, n: size })
}

/** "pauses when 20% have failed, once at least 3 PCs have ended". Null without a valid threshold. */
export function limitInWords(strategy: Strategy): string | null {
  const { failure_threshold_percent: percent, min_executed: least } = strategy
  if (percent === undefined || !(percent >= 1 && percent <= 100)) return null
  return least !== undefined && least > 1
    ? t('rollout.limitAfter', { n: least, percent })
    : t('rollout.limit', { percent })
}

export type WaveLine = { key: string; title: string; names: string }
const WAVES_SHOWN = 6

/** The waves of a preview, the first few with names: "Wave 1", "3 PCs: A, B, C". */
export function waveLines(waves: Preflight['waves']): WaveLine[] {
  const shown = waves.length <= WAVES_SHOWN ? waves : waves.slice(0, WAVES_SHOWN - 1)
  const lines = shown.map(({ wave, device_count, device_names }) => {
    const more = device_count - device_names.length
    const names = device_names.join(', ')
    return {
      key: `wave-${wave}`,
      title: t('rollout.wave', { wave }),
      names: t('rollout.waveOf', {
        n: device_count,
        names: more > 0 ? t('rollout.andMore', { names, more }) : names,
      }),
    }
  })
  const rest = waves.slice(shown.length)
  if (rest.length === 0) return lines
  const count = rest.reduce((sum, w) => sum + w.device_count, 0)
  return [
    ...lines,
    {
      key: 'rest',
      title: t('rollout.waves', { first: rest[0]!.wave, last: rest.at(-1)!.wave }),
      names: t('rollout.moreWaves', { n: count, waves: rest.length }),
    },
  ]
}

/** "today at 22:00", "tomorrow at 06:30", "Wed 25 Nov at 22:00". */
export const momentInWords = (atMs: number, nowMs: number): string =>
  t('rollout.moment', { day: formatDay(atMs, nowMs), time: formatClockTime(atMs) })

/** With its time zone if it differs from the reader's. */
export const windowForReader = (window: MaintenanceWindow, nowMs: number): string =>
  windowInWords(window, { zone: ownTimeZone(), nowMs })

/** For the form: always with its time zone, and with the effect of the next clock change. */
export function windowWithZone(window: MaintenanceWindow, nowMs: number): string {
  const odd = oddEdgeOf(window, nowMs)
  const words = windowInWords(window, null)
  if (!odd) return words
  const time = window[odd.edge]
  const day = formatDay(odd.atMs, nowMs)
  const at = formatClockTime(odd.atMs)
  if (odd.kind === 'skipped')
    return t(odd.edge === 'start' ? 'rollout.skippedOpening' : 'rollout.skippedClosing', {
      window: words,
      time,
      day,
      at,
    })
  return t(odd.edge === 'start' ? 'rollout.repeatedOpening' : 'rollout.repeatedClosing', {
    window: words,
    time,
    day,
  })
}

/** @param aheadMs how far this computer is ahead of the controller. Null if the difference is negligible. */
export const clockNote = (aheadMs: number): string | null =>
  Math.abs(aheadMs) < CLOCK_NOTE_MS
    ? null
    : t(aheadMs > 0 ? 'rollout.clockAhead' : 'rollout.clockBehind', {
        time: formatSpan(Math.abs(aheadMs)),
      })

export type Notice = {
  kind: 'canceling' | 'failures' | 'paused' | 'scheduled' | 'window'
  title: string
  text: string
}
type Watched = Pick<
  Deployment,
  | 'status'
  | 'action'
  | 'paused'
  | 'pause_reason'
  | 'pause_message'
  | 'pause_code'
  | 'pause_params'
  | 'canceling'
  | 'scheduled_at'
  | 'targets_are_preview'
  | 'maintenance_window'
  | 'counts'
>

/** Why an active deployment starts nothing now, and what that means. Null while it proceeds normally. */
export function noticeOf(d: Watched, nowMs: number): Notice | null {
  if (d.status !== 'pending' && d.status !== 'in_progress') return null
  const { installing, downloading, pending } = d.counts
  if (d.canceling)
    return {
      kind: 'canceling',
      title: t('notice.cancelling'),
      text:
        installing > 0
          ? t(d.action === 'install' ? 'notice.installersEnd' : 'notice.removalsEnd', {
              n: installing,
            })
          : t('notice.downloadsStop'),
    }
  const runs = installing + downloading
  const goesOn = runs > 0 ? t('notice.othersContinue', { n: runs }) : t('notice.nothingNew')
  if (d.paused)
    return d.pause_reason === 'failure_threshold'
      ? {
          kind: 'failures',
          title: t('notice.pausedBecause', { message: pauseText(d) ?? t('notice.tooMany') }),
          text: `${goesOn} ${t('notice.resuming')}`,
        }
      : { kind: 'paused', title: pauseText(d) ?? t('notice.paused'), text: goesOn }
  const startMs = d.scheduled_at ? Date.parse(d.scheduled_at) : 0
  if (d.status === 'pending' && startMs > nowMs)
    return {
      kind: 'scheduled',
      title: t('notice.starts', { time: momentInWords(startMs, nowMs) }),
      text: [
        d.maintenance_window
          ? t('notice.onlyWithin', { window: windowForReader(d.maintenance_window, nowMs) })
          : '',
        t('notice.onThen'),
        d.targets_are_preview ? t('notice.preview') : '',
      ]
        .filter(Boolean)
        .join(' '),
    }
  if (d.maintenance_window && pending > 0) {
    const { isOpen, changesAtMs } = windowAt(d.maintenance_window, nowMs)
    if (!isOpen)
      return {
        kind: 'window',
        title: t('notice.waits', { window: windowForReader(d.maintenance_window, nowMs) }),
        text: [
          t('notice.continues', { time: momentInWords(changesAtMs, nowMs) }),
          runs > 0 ? t('notice.atWork', { n: runs }) : '',
        ]
          .filter(Boolean)
          .join(' '),
      }
  }
  return null
}
