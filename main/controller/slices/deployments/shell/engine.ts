/**
 * The shell around `plan()`: load, plan, commit, perform. A run handles one deployment and is synchronous up to its commit,
 * so no two runs can claim the same free device. A run does a bounded amount of work and repeats while more remains.
 */
import type { DeploymentId, DeviceId } from '#shared/domain/ids.ts'
import type { Cancel } from '#shared/node/clock.ts'
import type { Clock, ClockChange, Log, Now, Random } from '../../../base/context.ts'
import { createTicker, type Outcome } from '../../../base/ticker.ts'
import type { Devices } from '../../devices/index.ts'
import { storageFailure } from '../../../store/failures.ts'
import { createChanges, type Changes } from '../changes.ts'
import type { ClockRepo } from '../tables/clock.repo.ts'
import type { DeploymentRow, DeploymentsRepo } from '../tables/deployments.repo.ts'
import type { OpenTargets, OpenTargetsOf } from './open-targets.ts'
import { createPerform } from './perform.ts'
import type { PlanDevice, PlanInput } from '../core/plan.ts'
import { toPlan } from '../core/plan-row.ts'
import type { Sender, Sending } from './sender.ts'
import type { EngineTimings } from '../timings.ts'
import type { AuditRecords } from '../audit-records.ts'

export function createEngine(deps: {
  repo: DeploymentsRepo
  clockRepo: ClockRepo
  devices: Devices
  sender: Sender
  auditRecords: AuditRecords
  openTargets: OpenTargets
  /** Devices that are about to restart or are restarting. */
  restartingDevices: () => ReadonlySet<DeviceId>
  /** Decides the targets of a deployment that starts now. */
  resolve: (id: DeploymentId) => void
  now: Now
  clock: Clock
  random: Random
  log: Log
  timings: EngineTimings
  committed: (changes: Changes) => void
  /** Called after every stored deadline was shifted. */
  moved: () => void
}) {
  const { repo, devices, timings, openTargets } = deps
  const perform = createPerform({
    repo,
    devices,
    auditRecords: deps.auditRecords,
    now: deps.now,
    random: deps.random,
    timings,
  })
  const ticker = createTicker<DeploymentId>({
    time: deps.clock,
    soonMs: timings.coalesceMs,
    heartbeatMs: timings.heartbeatMs,
    keys: () => {
      settleClock()
      return repo.activeIds()
    },
    run,
    failed,
  })
  /** The shift still to be applied to stored deadlines. */
  let pendingShift = { shiftMs: 0, jumpMs: 0 }

  /** As of the last run. */
  let restarting: ReadonlySet<DeviceId> = new Set()
  let graceSinceMs: number | null = null
  /** Marks the devices whose change no event reports. */
  function noteDevices(): void {
    const before = restarting
    restarting = deps.restartingDevices()
    for (const id of [...before, ...restarting])
      if (before.has(id) !== restarting.has(id)) openTargets.touch(id)
    const sinceMs = devices.presence.graceSinceMs()
    if (graceSinceMs !== sinceMs) openTargets.touchAll()
    graceSinceMs = sinceMs
  }
  function inputOf(row: DeploymentRow, open: OpenTargetsOf): PlanInput {
    const nowMs = deps.now()
    return {
      deployment: toPlan(row),
      targets: open.byDevice,
      devices: {
        get: (id): PlanDevice => ({
          ...devices.eligibility(id),
          ...devices.presence.of(id, nowMs),
          busyElsewhere: open.isWorkingElsewhere(id),
          isRestarting: restarting.has(id),
        }),
      },
      leaseMs: timings.leaseMs,
      cancelAgainMs: timings.cancelAgainMs,
    }
  }

  function run(id: DeploymentId): Outcome {
    settleClock()
    const row = repo.byId(id)
    const isActive = row?.status === 'pending' || row?.status === 'in_progress'
    if (!row || !isActive) {
      openTargets.forget(id)
      return {}
    }
    noteDevices()
    let open = openTargets.of(id)
    const planned = () => open.planner.plan(inputOf(row, open), deps.now(), timings.actionsPerRun)
    let next = planned()
    if (row.chosen && next.actions.some(({ type }) => type === 'start')) {
      // A transaction of its own: if the start is not written afterwards, it is simply decided again.
      deps.resolve(id)
      openTargets.forget(id)
      open = openTargets.of(id)
      next = planned()
    }
    const { actions, wakeAtMs, more } = next
    if (actions.length === 0) return { wakeAtMs }
    const changes = createChanges()
    const sendings: Sending[] = []
    repo.transaction(() => perform(id, actions, open.targets, changes, sendings))
    deps.committed(changes)
    deps.sender.send(sendings)
    return { more, wakeAtMs }
  }
  /** It is retried. One deployment that cannot be planned or stored does not stop the others. */
  function failed(error: unknown, id: DeploymentId | null): void {
    if (id === null)
      return deps.log.error({ err: error }, 'the store could not be read; it is retried')
    // Another program has locked the database. The run has not begun.
    if (storageFailure(error)?.kind === 'busy')
      return deps.log.debug({ deploymentId: id }, 'a deployment waits for a locked database')
    deps.log.error({ err: error, deploymentId: id }, 'a deployment could not be advanced')
    openTargets.forget(id)
  }

  /** Applies the pending shift. @throws what the store throws; the shift stays pending */
  function applyShift(): void {
    if (pendingShift.shiftMs === 0 && pendingShift.jumpMs === 0) return
    deps.clockRepo.shift(pendingShift)
    pendingShift = { shiftMs: 0, jumpMs: 0 }
    openTargets.forgetAll()
    deps.moved()
  }
  /** No deadline may be judged before that. */
  function settleClock(): void {
    deps.clock.settle()
    applyShift()
  }
  const offClock = deps.clock.onChange(({ shiftMs, jumpMs }: ClockChange) => {
    pendingShift = { shiftMs: pendingShift.shiftMs + shiftMs, jumpMs: pendingShift.jumpMs + jumpMs }
    if (shiftMs === 0 && jumpMs === 0) return
    try {
      applyShift()
    } catch (error) {
      deps.log.error({ err: error }, 'the deadlines could not be moved; it is retried')
    }
    ticker.beat()
  })

  let cancelTurn: Cancel | null = null
  /** Every plan needs the targets of all active deployments: reads those of one per turn, then calls `done`. */
  function readEach(ids: Iterator<DeploymentId, undefined>, done: () => void): void {
    const next = ids.next()
    if (next.done) return done()
    try {
      openTargets.read(next.value)
    } catch (error) {
      // The first run reads it again.
      failed(error, next.value)
    }
    cancelTurn = deps.clock.nextTurn(() => readEach(ids, done))
  }

  return {
    /** Run these soon. */
    poke: ticker.soon,
    /** Someone waits for these: run them as soon as the current run ends. */
    pokeNow: ticker.now,
    /** Continues all active deployments. A restart of the controller is just another run. */
    start(): void {
      repo.forgetOffers()
      deps.clockRepo.extendTo(deps.now() + timings.returnGraceMs)
      readEach(repo.activeIds().values(), () => {
        ticker.start()
        ticker.beat()
      })
    },
    stop(): void {
      cancelTurn?.()
      offClock()
      void ticker.stop()
    },
  }
}
export type Engine = ReturnType<typeof createEngine>
