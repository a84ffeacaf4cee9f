/** How a deployment spreads over its devices: all at once, in batches, or a pilot first. */
import { z } from 'zod'
import { MAX_CONCURRENT_DEVICES } from './defaults.ts'

export const STRATEGY_TYPES = ['parallel', 'rolling', 'canary'] as const
export const StrategyType = z.enum(STRATEGY_TYPES)
export type StrategyType = z.infer<typeof StrategyType>

const devices = z.number().int().min(1).max(10_000)
const percent = z.number().min(1).max(100)

export const Strategy = z.object({
  /** Devices at work at the same time, whatever the wave. */
  max_concurrent: devices.default(MAX_CONCURRENT_DEVICES),
  /** rolling: devices in each wave, as a number or as a share of all devices. */
  batch_size: devices.optional(),
  batch_percent: percent.optional(),
  /** rolling: pause between the end of one wave and the start of the next. */
  pause_seconds: z
    .number()
    .int()
    .min(0)
    .max(7 * 24 * 3_600)
    .optional(),
  /** canary: devices in the first wave, as a number or as a share; the second wave is all others. */
  canary_count: devices.optional(),
  canary_percent: percent.optional(),
  /** All: pause when failed ÷ (completed + failed) of the current round reaches this … */
  failure_threshold_percent: percent.optional(),
  /** … and at least this many have ended (or the wave has nothing left to run). */
  min_executed: devices.optional(),
})
export type Strategy = z.infer<typeof Strategy>

const OWN_KEYS = {
  parallel: [],
  rolling: ['batch_size', 'batch_percent', 'pause_seconds'],
  canary: ['canary_count', 'canary_percent'],
} as const satisfies Record<StrategyType, readonly (keyof Strategy)[]>

/** Problems of this combination; empty if there are none. */
export function strategyProblems(
  type: StrategyType,
  strategy: Strategy,
): { key: keyof Strategy; message: string }[] {
  const problems: { key: keyof Strategy; message: string }[] = []
  for (const other of STRATEGY_TYPES)
    if (other !== type)
      for (const key of OWN_KEYS[other])
        if (strategy[key] !== undefined)
          problems.push({ key, message: `belongs to the strategy ${other}, not to ${type}` })
  const oneOf = (a: keyof Strategy, b: keyof Strategy) => {
    if (strategy[a] === undefined && strategy[b] === undefined)
      problems.push({ key: a, message: `the strategy ${type} needs ${a} or ${b}` })
    if (strategy[a] !== undefined && strategy[b] !== undefined)
      problems.push({ key: b, message: `give ${a} or ${b}, not both` })
  }
  if (type === 'rolling') oneOf('batch_size', 'batch_percent')
  if (type === 'canary') oneOf('canary_count', 'canary_percent')
  if (strategy.min_executed !== undefined && strategy.failure_threshold_percent === undefined)
    problems.push({
      key: 'min_executed',
      message: 'means nothing without failure_threshold_percent',
    })
  return problems
}

/**
 * Number of devices in each wave, in order; the sum is `deviceCount`.
 * Shares are rounded up, so that no wave is empty.
 */
export function waveSizes(type: StrategyType, strategy: Strategy, deviceCount: number): number[] {
  if (deviceCount === 0) return []
  const share = (part: number | undefined) => Math.ceil((deviceCount * (part ?? 100)) / 100)
  switch (type) {
    case 'parallel':
      return [deviceCount]
    case 'canary': {
      const first = Math.min(deviceCount, strategy.canary_count ?? share(strategy.canary_percent))
      return first < deviceCount ? [first, deviceCount - first] : [first]
    }
    case 'rolling': {
      const size = Math.min(deviceCount, strategy.batch_size ?? share(strategy.batch_percent))
      const full = Math.floor(deviceCount / size)
      const rest = deviceCount % size
      return [...Array<number>(full).fill(size), ...(rest > 0 ? [rest] : [])]
    }
  }
}

/** Whether the failures of a round reach the threshold. Pure. */
export const reachesThreshold = (
  round: { completed: number; failed: number },
  thresholdPercent: number,
): boolean =>
  round.failed > 0 && 100 * round.failed >= thresholdPercent * (round.completed + round.failed)
