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
import { CLOCK_NOTE_MS } from '../../ui/lib/controller-clock.ts'
import { countOf, formatClockTime, formatDay, formatSpan } from '../../ui/lib/format.ts'
import { wavesOf } from './rollout.ts'

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
 * The rollout in one sentence: "3 PCs first, then 37.", "4 batches of 10 PCs, then 3, with 5 min of rest in between."
 * Empty if there are no PCs or the strategy is incomplete.
 */
export function wavesInWords(type: StrategyType, strategy: Strategy, deviceCount: number): string {
  const sizes = wavesOf(type, strategy, deviceCount)
  const [first] = sizes
  if (first === undefined) return ''
  const atOnce = Math.min(strategy.max_concurrent, Math.max(...sizes))
  const side =
    atOnce < Math.max(...sizes) ? `, ${atOnce === 1 ? 'one' : `at most ${atOnce}`} at a time` : ''
  if (sizes.length === 1)
    return type === 'parallel'
      ? deviceCount === 1
        ? 'One PC, right away.'
        : `All ${deviceCount} PCs${side || ' side by side'}.`
      : `${deviceCount === 1 ? 'The one PC is' : `All ${deviceCount} PCs are`} in the first wave: nothing is tried beforehand.`
  if (type === 'canary') return `${countOf(first, 'PC')} first, then ${sizes[1]}${side}.`
  const runs = runsOf(sizes)
  const [times, size] = runs[0]!
  const rest = runs[1]?.[1]
  const pause = strategy.pause_seconds
    ? `, with ${formatSpan(strategy.pause_seconds * 1000)} of rest in between`
    : ''
  const batches =
    times === 1
      ? `A batch of ${countOf(size, 'PC')}`
      : `${times} batches of ${size === 1 ? 'one PC' : countOf(size, 'PC')}`
  return `${batches}${rest ? `, then ${rest}` : ''}${side}${pause}.`
}

/** "pauses when 20 % have failed, after at least 3 PCs". Null without a valid threshold. */
export function limitInWords(strategy: Strategy): string | null {
  const { failure_threshold_percent: percent, min_executed: least } = strategy
  if (percent === undefined || !(percent >= 1 && percent <= 100)) return null
  return least !== undefined && least > 1
    ? `pauses when ${percent} % have failed, after at least ${countOf(least, 'PC')}`
    : `pauses when ${percent} % have failed`
}

export type WaveLine = { key: string; title: string; names: string }
const WAVES_SHOWN = 6

/** The waves of a preview, the first few with names: "Wave 1", "3 PCs: A, B, C". */
export function waveLines(waves: Preflight['waves']): WaveLine[] {
  const shown = waves.length <= WAVES_SHOWN ? waves : waves.slice(0, WAVES_SHOWN - 1)
  const lines = shown.map(({ wave, device_count, device_names }) => {
    const more = device_count - device_names.length
    return {
      key: `wave-${wave}`,
      title: `Wave ${wave}`,
      names: `${countOf(device_count, 'PC')}: ${device_names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`,
    }
  })
  const rest = waves.slice(shown.length)
  if (rest.length === 0) return lines
  const count = rest.reduce((sum, w) => sum + w.device_count, 0)
  return [
    ...lines,
    {
      key: 'rest',
      title: `Waves ${rest[0]!.wave} to ${rest.at(-1)!.wave}`,
      names: `${countOf(count, 'PC')} in ${rest.length} more waves`,
    },
  ]
}

/** "today at 22:00", "tomorrow at 06:30", "Wed 25 Nov at 22:00". */
export const momentInWords = (atMs: number, nowMs: number): string =>
  `${formatDay(atMs, nowMs)} at ${formatClockTime(atMs)}`

const ON_THEN = 'This computer has to be on then.'
/** With its time zone if it differs from the reader's. */
export const windowForReader = (window: MaintenanceWindow, nowMs: number): string =>
  windowInWords(window, { zone: ownTimeZone(), nowMs })

/** For the form: always with its time zone, and with the effect of the next clock change. */
export function windowWithZone(window: MaintenanceWindow, nowMs: number): string {
  const odd = oddEdgeOf(window, nowMs)
  const words = windowInWords(window, null)
  if (!odd) return words
  const time = window[odd.edge]
  const [what, does] = odd.edge === 'start' ? ['open', 'opens'] : ['close', 'closes']
  const day = formatDay(odd.atMs, nowMs)
  return odd.kind === 'skipped'
    ? `${words}. The clocks skip ${time} ${day}: it ${does} at ${formatClockTime(odd.atMs)} then`
    : `${words}. The clocks show ${time} twice ${day}: the first time counts for it to ${what}`
}

/** @param aheadMs how far this computer is ahead of the controller. Null if the difference is negligible. */
export const clockNote = (aheadMs: number): string | null =>
  Math.abs(aheadMs) < CLOCK_NOTE_MS
    ? null
    : `The clock of this computer is ${formatSpan(Math.abs(aheadMs))} ${aheadMs > 0 ? 'ahead of' : 'behind'} the controller's. Times here follow the controller.`

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
      title: 'Cancelling. Nothing new starts.',
      text:
        installing > 0
          ? `${countOf(installing, d.action === 'install' ? 'installer' : 'removal')} that already ${installing === 1 ? 'runs is' : 'run are'} left to end; what came of ${installing === 1 ? 'it' : 'them'} is recorded.`
          : 'What was downloading stops.',
    }
  const runs = installing + downloading
  const goesOn =
    runs > 0
      ? `Nothing new starts; ${countOf(runs, 'PC')} at work ${runs === 1 ? 'goes' : 'go'} on.`
      : 'Nothing new starts.'
  if (d.paused)
    return d.pause_reason === 'failure_threshold'
      ? {
          kind: 'failures',
          title: `Paused: ${d.pause_message ?? 'too much has failed.'}`,
          text: `${goesOn} Resuming counts failures from nought.`,
        }
      : { kind: 'paused', title: d.pause_message ?? 'Paused.', text: goesOn }
  const startMs = d.scheduled_at ? Date.parse(d.scheduled_at) : 0
  const preview = d.targets_are_preview ? ' Which PCs it reaches is decided then.' : ''
  if (d.status === 'pending' && startMs > nowMs)
    return {
      kind: 'scheduled',
      title: `Starts ${momentInWords(startMs, nowMs)}`,
      text: d.maintenance_window
        ? `Only within its window: ${windowForReader(d.maintenance_window, nowMs)}. ${ON_THEN}${preview}`
        : `${ON_THEN}${preview}`,
    }
  if (d.maintenance_window && pending > 0) {
    const { isOpen, changesAtMs } = windowAt(d.maintenance_window, nowMs)
    if (!isOpen)
      return {
        kind: 'window',
        title: `Waits for its window: ${windowForReader(d.maintenance_window, nowMs)}`,
        text:
          `Goes on ${momentInWords(changesAtMs, nowMs)}.` +
          (runs > 0 ? ` ${countOf(runs, 'PC')} at work ${runs === 1 ? 'goes' : 'go'} on.` : ''),
      }
  }
  return null
}
