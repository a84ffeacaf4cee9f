/**
 * Random deployments and events: arbitraries, what each event does, and a world in which everything
 * goes well.
 */
import fc from 'fast-check'
import type { SoftwareId } from '#shared/domain/ids.ts'
import type { Strategy } from '#shared/domain/strategy.ts'
import type { World, WorldDevice } from './plan-world.ts'
import type { WorldSpec } from './plan-world-spec.ts'

const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 2 })
const seldom = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, { weight: 1, arbitrary })
const share = fc.record({
  count: maybe(fc.integer({ min: 1, max: 12 })),
  percent: fc.integer({ min: 1, max: 100 }),
})

const common = fc.record({
  max_concurrent: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constant(50)),
  failure_threshold_percent: maybe(fc.integer({ min: 1, max: 100 })),
  min_executed: fc.integer({ min: 1, max: 6 }),
  hasMinimum: fc.boolean(),
})
const strategy: fc.Arbitrary<Pick<WorldSpec, 'strategyType' | 'strategy'>> = fc
  .tuple(
    fc.constantFrom('parallel' as const, 'rolling' as const, 'canary' as const),
    common,
    share,
    fc.constantFrom(0, 0, 1, 600, 7 * 24 * 3_600),
  )
  .map(([strategyType, { hasMinimum, min_executed, ...rest }, { count, percent }, pause]) => {
    const base: Strategy = { max_concurrent: rest.max_concurrent }
    if (rest.failure_threshold_percent !== undefined) {
      base.failure_threshold_percent = rest.failure_threshold_percent
      if (hasMinimum) base.min_executed = min_executed
    }
    const size = count !== undefined
    switch (strategyType) {
      case 'parallel':
        return { strategyType, strategy: base }
      case 'rolling':
        return {
          strategyType,
          strategy: {
            ...base,
            pause_seconds: pause,
            ...(size ? { batch_size: count } : { batch_percent: percent }),
          },
        }
      case 'canary':
        return {
          strategyType,
          strategy: { ...base, ...(size ? { canary_count: count } : { canary_percent: percent }) },
        }
    }
  })

const timeOfDay = fc
  .integer({ min: 0, max: 24 * 60 - 1 })
  .map((m) => `${String(Math.floor(m / 60)).padStart(2, '0')}:${String(m % 60).padStart(2, '0')}`)
const maintenanceWindow = fc
  .record({
    days: fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { minLength: 1 }),
    start: timeOfDay,
    end: timeOfDay,
  })
  .filter(({ start, end }) => start !== end)

export const worldSpec: fc.Arbitrary<WorldSpec> = fc
  .record({
    online: fc.array(
      fc.integer({ min: 0, max: 3 }).map((n) => n > 0),
      { minLength: 1, maxLength: 30 },
    ),
    packages: fc.array(
      fc.record({
        installer: fc.constantFrom(
          'ready' as const,
          'ready' as const,
          'ready' as const,
          'fetching' as const,
          'failed' as const,
          'none' as const,
        ),
        needsPrevious: fc.boolean(),
      }),
      { minLength: 1, maxLength: 4 },
    ),
    strategy,
    offlinePolicy: fc.constantFrom('fail' as const, 'wait' as const),
    waitMinutes: fc.constantFrom(1, 60, 60 * 24 * 14),
    scheduledInMinutes: seldom(fc.integer({ min: -5, max: 3 * 24 * 60 })),
    window: seldom(maintenanceWindow),
  })
  .map(({ strategy: chosen, ...rest }) => ({ ...rest, ...chosen }))

const EVENT_KINDS = [
  ...['accept', 'accept', 'accept', 'accept_all', 'busy', 'refuse', 'no_answer', 'answer_lost'],
  ...[
    'download',
    'install',
    'install',
    'succeed',
    'succeed',
    'fail',
    'fail',
    'retry_later',
    'skip',
  ],
  ...['vanish', 'vanish', 'return', 'return', 'return_empty', 'all_return', 'restart'],
  ...['cancel', 'pause', 'resume', 'resume', 'retry', 'retry_one'],
  ...['delete', 'admit', 'elsewhere', 'fetched', 'fetch_failed'],
  ...['seconds', 'seconds', 'minutes', 'wake', 'wake', 'days', 'back'],
] as const
export type WorldEvent = { kind: (typeof EVENT_KINDS)[number]; device: number; amount: number }
export const script: fc.Arbitrary<WorldEvent[]> = fc.array(
  fc.record({
    kind: fc.constantFrom(...EVENT_KINDS),
    device: fc.nat({ max: 29 }),
    amount: fc.integer({ min: 1, max: 60 }),
  }),
  { maxLength: 60, size: 'max' },
)

/** @param wakeAtMs when the last run requested the next one */
export function happen(world: World, event: WorldEvent, wakeAtMs: number | null): void {
  const { kind, amount } = event
  const list = [...world.devices.values()]
  const device = list[event.device % list.length]!
  /**
   * A device that is waiting for a reply or for its agent to continue, if any; otherwise the named
   * one.
   */
  const from = <T>(has: (d: WorldDevice) => boolean, then: (d: WorldDevice) => T): T => {
    const busy = list.filter(has)
    return then(busy[event.device % Math.max(1, busy.length)] ?? device)
  }
  const asked = (how: Parameters<World['answer']>[1]) =>
    from(
      (d) => d.inFlight.length > 0,
      (d) => world.answer(d, how),
    )
  const working = (to: Parameters<World['work']>[1]) =>
    from(
      (d) => d.held.length > 0,
      (d) => world.work(d, to),
    )
  const package_ = ((amount % world.spec.packages.length) + 1) as SoftwareId
  switch (kind) {
    case 'accept':
      return asked('yes')
    case 'accept_all':
      return list.forEach((d) => world.answer(d, 'yes'))
    case 'busy':
      return asked('busy')
    case 'refuse':
      return asked('refused')
    case 'no_answer':
      return asked('nothing')
    case 'answer_lost':
      return asked('lost')
    case 'download':
      return working('downloading')
    case 'install':
      return working('installing')
    case 'succeed':
      return working({ status: 'success' })
    case 'fail':
      return working({ status: 'failed', reason: 'install_failed' })
    case 'retry_later':
      return working({ status: 'failed', reason: 'retry_later' })
    case 'skip':
      return working({ status: 'skipped', reason: 'already_installed' })
    case 'vanish':
      return world.vanish(device)
    case 'return':
      return from(
        (d) => !d.isOnline,
        (d) => world.comeBack(d, true),
      )
    case 'return_empty':
      return from(
        (d) => !d.isOnline,
        (d) => world.comeBack(d, false),
      )
    case 'all_return':
      return list.forEach((d) => world.comeBack(d, true))
    case 'restart':
      return world.restart()
    case 'cancel':
      // Rare, because most faults happen earlier.
      return amount <= 20 ? world.cancel() : undefined
    case 'pause':
      return world.pause()
    case 'resume':
      return world.resume()
    case 'retry':
      return world.retry('all')
    case 'retry_one':
      return world.retry('one')
    case 'delete':
      return world.refuse(device)
    case 'admit':
      return world.admit(device)
    case 'elsewhere':
      return world.workElsewhere(device)
    case 'fetched':
      return world.settleInstaller(package_, 'ready')
    case 'fetch_failed':
      return world.settleInstaller(package_, 'failed')
    case 'seconds':
      return world.advance(amount * 1000)
    case 'minutes':
      return world.advanceMinutes(amount)
    case 'wake':
      return wakeAtMs === null ? undefined : world.advance(wakeAtMs - world.now())
    case 'days':
      return world.advanceMinutes(amount * 2 * 60)
    case 'back':
      return world.advanceMinutes(-amount)
  }
}

/**
 * Runs the engine until nothing is pending at this moment. @returns the time of its next run
 * @throws Error if it never finishes
 */
export function settle(world: World, limit?: number): number | null {
  const bound = 50 + 6 * world.repo.targets.size
  for (let runs = 0; runs < bound; runs++) {
    const { actions, more, wakeAtMs } = world.run(limit)
    if (actions.length === 0 && !more) return wakeAtMs
  }
  throw new Error(`work still pending after ${bound} runs`)
}

/** Plays a script from the start, with a run of the engine after each event. */
export function play(
  world: World,
  events: readonly WorldEvent[],
  options: { limit?: number; each?: () => void } = {},
): void {
  let wakeAtMs = settle(world, options.limit)
  options.each?.()
  for (const event of events) {
    happen(world, event, wakeAtMs)
    wakeAtMs = settle(world, options.limit)
    options.each?.()
  }
}

/**
 * From now on everything goes well: devices are online and reply, packages are available,
 * installers succeed, users resume, and the clock jumps to the next due time. @throws Error if the
 * deployment does not end
 */
export function beKind(world: World, limit?: number): void {
  const list = [...world.devices.values()]
  // A window has two edges a day, and the engine runs at each of them, even while it rests between
  // waves.
  const restDays = (world.spec.strategy.pause_seconds ?? 0) / (24 * 3_600)
  const perWave = 4 + (world.spec.window ? 2 * Math.ceil(restDays) : 0)
  const bound = 50 + 6 * world.repo.targets.size + perWave * world.deployment.wave_count
  let wakeAtMs = settle(world, limit)
  for (let round = 0; round < bound; round++) {
    if (world.isOver()) return
    world.resume()
    for (const id of world.spec.packages.keys())
      world.settleInstaller((id + 1) as SoftwareId, 'ready')
    let worked = false
    for (const device of list) {
      if (device.isBusyElsewhere) world.workElsewhere(device)
      world.comeBack(device, true)
      while (device.inFlight.length > 0) {
        world.answer(device, 'yes')
        worked = true
      }
      while (device.isOnline && device.held.length > 0) {
        world.work(device, { status: 'success' })
        worked = true
      }
    }
    wakeAtMs = settle(world, limit)
    if (
      worked ||
      world.deployment.paused ||
      world.isOver() ||
      list.some((d) => d.inFlight.length > 0)
    )
      continue
    if (wakeAtMs === null) throw new Error('nothing is under way and nothing will wake it')
    world.advance(wakeAtMs - world.now())
    wakeAtMs = settle(world, limit)
  }
  if (!world.isOver()) throw new Error(`not over after ${bound} rounds`)
}
