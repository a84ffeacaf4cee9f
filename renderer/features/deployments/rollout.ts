/** Rollout settings: the part of the draft with strategy, failure threshold and times. Pure. */
import { z } from 'zod'
import type { CreateDeploymentInput } from '#shared/contract/rest/deployment-requests.ts'
import type { MaintenanceWindow } from '#shared/domain/maintenance-window.ts'
import { RESTART_NOTICE_MINUTES } from '#shared/domain/restart-state.ts'
import { Strategy, strategyProblems, StrategyType, waveSizes } from '#shared/domain/strategy.ts'
import {
  localMoment,
  offsetInWords,
  ownTimeZone,
  type LocalMoment,
} from '#shared/domain/time-zone.ts'
import { MAX_CONCURRENT_DEVICES } from '#shared/domain/defaults.ts'
import { formatClockTime } from '../../ui/lib/format.ts'
import { t } from './texts.ts'

export const AmountUnit = z.enum(['pcs', 'percent'])
export type AmountUnit = z.infer<typeof AmountUnit>
export const RestUnit = z.enum(['minutes', 'seconds'])
export type RestUnit = z.infer<typeof RestUnit>

/** Every field has a default, so that drafts stored by an older console still load. Empty number fields are null. */
export const RolloutDraft = z.object({
  strategy_type: StrategyType.default('parallel'),
  /** The default is a percentage, which fits any number of PCs: never all of them in the first wave, never none. */
  batch: z.number().nullable().default(25),
  batch_unit: AmountUnit.default('percent'),
  rest: z.number().nullable().default(5),
  rest_unit: RestUnit.default('minutes'),
  canary: z.number().nullable().default(10),
  canary_unit: AmountUnit.default('percent'),
  /** Null: not chosen yet, so the strategy decides. */
  limit_failures: z.boolean().nullable().default(null),
  failure_percent: z.number().nullable().default(20),
  min_executed: z.number().nullable().default(3),
  start: z.enum(['now', 'later']).default('now'),
  /** Local date and time of day: 2026-11-23, 22:00. */
  start_day: z.string().default(''),
  start_time: z.string().default(''),
  use_window: z.boolean().default(false),
  window_days: z.array(z.number().int().min(0).max(6)).default([1, 2, 3, 4, 5]),
  window_start: z.string().default('22:00'),
  window_end: z.string().default('05:00'),
  reboot: z.enum(['never', 'if_needed']).default('never'),
  allow_removals: z.boolean().default(false),
  /** The length of the restart notice, in minutes. */
  reboot_minutes: z.number().nullable().default(RESTART_NOTICE_MINUTES),
})
export type RolloutDraft = z.infer<typeof RolloutDraft>

/** On by default for pilots and batches, whose purpose is to stop in time. */
export const limitsFailures = (
  draft: Pick<RolloutDraft, 'limit_failures' | 'strategy_type'>,
): boolean => draft.limit_failures ?? draft.strategy_type !== 'parallel'

const given = <K extends string>(key: K, value: number | null | undefined) =>
  value === null || value === undefined ? {} : ({ [key]: value } as Record<K, number>)

export const restSeconds = (draft: Pick<RolloutDraft, 'rest' | 'rest_unit'>): number | null =>
  draft.rest === null ? null : draft.rest_unit === 'minutes' ? draft.rest * 60 : draft.rest

/** The strategy for the request: only the fields of the chosen type, without empty ones. */
export function strategyOf(draft: RolloutDraft & { max_concurrent: number | null }): Strategy {
  const own = (): Partial<Strategy> => {
    switch (draft.strategy_type) {
      case 'parallel':
        return {}
      case 'rolling':
        return {
          ...given(draft.batch_unit === 'pcs' ? 'batch_size' : 'batch_percent', draft.batch),
          ...given('pause_seconds', restSeconds(draft)),
        }
      case 'canary':
        return given(draft.canary_unit === 'pcs' ? 'canary_count' : 'canary_percent', draft.canary)
    }
  }
  return {
    max_concurrent: draft.max_concurrent ?? MAX_CONCURRENT_DEVICES,
    ...own(),
    ...(limitsFailures(draft)
      ? {
          ...given('failure_threshold_percent', draft.failure_percent),
          ...given('min_executed', draft.min_executed),
        }
      : {}),
  }
}

/** PCs per wave; empty while the strategy is incomplete or invalid. */
export const wavesOf = (type: StrategyType, strategy: Strategy, deviceCount: number): number[] =>
  Strategy.safeParse(strategy).success &&
  !strategyProblems(type, strategy).some(({ key }) => key !== 'min_executed')
    ? waveSizes(type, strategy, deviceCount)
    : []

export const windowOf = (draft: RolloutDraft): MaintenanceWindow | null =>
  draft.use_window
    ? {
        days: draft.window_days,
        start: draft.window_start,
        end: draft.window_end,
        time_zone: ownTimeZone(),
      }
    : null

type StartDraft = Pick<RolloutDraft, 'start_day' | 'start_time'>
/** The start time; null if day and time are not a valid date and time. */
function startMoment(draft: StartDraft): LocalMoment | null {
  const day = /^(\d{4})-(\d\d)-(\d\d)$/.exec(draft.start_day)
  const time = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(draft.start_time)
  if (!day || !time) return null
  const [year, month, date] = day.slice(1).map(Number) as [number, number, number]
  const [hours, minutes] = time.slice(1).map(Number) as [number, number]
  const isDay = new Date(Date.UTC(year, month - 1, date)).getUTCDate() === date
  return isDay ? localMoment(ownTimeZone(), year, month, date, hours * 60 + minutes) : null
}
/** Epoch ms; null if invalid. */
export const startAtMs = (draft: StartDraft): number | null => startMoment(draft)?.atMs ?? null

/** A note if a clock change skips or repeats the start time; usually null. */
export function oddStartInWords(draft: StartDraft): string | null {
  const moment = startMoment(draft)
  if (!moment || moment.kind === 'once') return null
  const { atMs } = moment
  return moment.kind === 'skipped'
    ? t('rollout.skipped', { time: draft.start_time, at: formatClockTime(atMs) })
    : t('rollout.repeated', { time: draft.start_time, zone: offsetInWords(ownTimeZone(), atMs) })
}

const two = (n: number) => String(n).padStart(2, '0')
/** The local day in the format of the date field: 2026-11-23. */
export const dayOf = (at: Date): string =>
  `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`

/** Proposes 22:00: today if that is at least half an hour ahead, else tomorrow. */
export function proposeStart(nowMs: number): Pick<RolloutDraft, 'start_day' | 'start_time'> {
  const [now, evening] = [new Date(nowMs), new Date(nowMs)]
  evening.setHours(22, 0, 0, 0)
  if (evening.getTime() - now.getTime() < 30 * 60_000) evening.setDate(evening.getDate() + 1)
  return { start_day: dayOf(evening), start_time: '22:00' }
}

/** Normalises a typed time of day: "9" → 09:00, "2230" → 22:30, "7.15" → 07:15. Other text is only trimmed. */
export function tidyTime(text: string): string {
  const found = /^\s*(\d{1,2})(?:\s*[:.hH]?\s*(\d{2}))?\s*$/.exec(text)
  if (!found) return text.trim()
  const [hours, minutes] = [Number(found[1]), Number(found[2] ?? 0)]
  return hours < 24 && minutes < 60 ? `${two(hours)}:${two(minutes)}` : text.trim()
}

/** The rollout fields of the request. */
export function rolloutRequest(
  draft: RolloutDraft & { max_concurrent: number | null },
): Pick<
  CreateDeploymentInput,
  | 'strategy_type'
  | 'strategy'
  | 'scheduled_at'
  | 'maintenance_window'
  | 'reboot'
  | 'reboot_delay_minutes'
  | 'allow_removals'
> {
  const startMs = draft.start === 'later' ? startAtMs(draft) : null
  const window = windowOf(draft)
  return {
    strategy_type: draft.strategy_type,
    strategy: strategyOf(draft),
    ...(startMs === null ? {} : { scheduled_at: new Date(startMs).toISOString() }),
    ...(window ? { maintenance_window: window } : {}),
    ...(draft.reboot === 'if_needed'
      ? { reboot: draft.reboot, ...given('reboot_delay_minutes', draft.reboot_minutes) }
      : {}),
    ...(draft.allow_removals ? { allow_removals: true } : {}),
  }
}
