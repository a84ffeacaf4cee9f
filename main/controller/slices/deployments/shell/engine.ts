/**
 * The shell around `plan()`: load, plan, commit, perform. A run handles one deployment and is synchronous up to its commit,
 * so no two runs can claim the same free device. A run does a bounded amount of work and repeats while more remains. Pokes
 * are coalesced; a heartbeat catches up on missed events.
 */
import type { DeploymentId, DeviceId, TargetId } from '#shared/domain/ids.ts'
import type { FileFault } from '../../content/index.ts'
import type { Clock, ClockChange, Log, Now } from '../../../base/context.ts'
import type { Devices } from '../../devices/index.ts'
import { storageFailure } from '../../../store/failures.ts'
import { createChanges, type Changes } from '../changes.ts'
import type { ClockRepo } from '../tables/clock.repo.ts'
import type { DeploymentRow, DeploymentsRepo, InstallerRow } from '../tables/deployments.repo.ts'
import { createOpenTargets, type OpenTarget } from './open-targets.ts'
import { createPerform } from './perform.ts'
import { plan, type PlanDevice, type Snapshot } from '../core/plan.ts'
import { toPlan } from '../core/plan-row.ts'
import type { Sender, Sending } from './sender.ts'
import type { EngineTimings } from '../timings.ts'
import type { Trail } from '../audit-records.ts'

/** Retry a run after this long when the database was locked. */
const BUSY_RETRY_MS = 100

export function createEngine(deps: {
  repo: DeploymentsRepo
  clockRepo: ClockRepo
  devices: Devices
  sender: Sender
  trail: Trail
  fileFault: (installer: InstallerRow) => FileFault | null
  areSecretsLost: (installer: InstallerRow) => boolean
  /** Devices that are about to restart or are restarting. */
  restartingDevices: () => ReadonlySet<DeviceId>
  /** Decides the targets of a deployment that starts now. */
  resolve: (id: DeploymentId) => void
  now: Now
  clock: Clock
  log: Log
  timings: EngineTimings
  committed: (changes: Changes) => void
  /** Called after every stored deadline was shifted. */
  moved: () => void
}) {
  const { repo, devices, timings } = deps
  const openTargets = createOpenTargets(deps)
  const perform = createPerform({ repo, devices, trail: deps.trail, now: deps.now, timings })
  const dirty = new Set<DeploymentId>()
  const wakeAt = new Map<DeploymentId, number>()
  let timer: NodeJS.Timeout | null = null
  let soon: NodeJS.Immediate | null = null
  let stopped = false
  let sweptAtMs = -Infinity
  let idleUntilMs = 0
  /** The shift still to be applied to stored deadlines. */
  let pendingShift = { shiftMs: 0, jumpMs: 0 }

  function snapshotOf(row: DeploymentRow, targets: ReadonlyMap<TargetId, OpenTarget>): Snapshot {
    const isWorkingElsewhere = openTargets.workingElsewhere(row.id)
    const restarting = deps.restartingDevices()
    const { presence } = devices
    const nowMs = deps.now()
    const planDevices = new Map<DeviceId, PlanDevice>()
    for (const { deviceId: id } of targets.values()) {
      if (planDevices.has(id)) continue
      planDevices.set(id, {
        ...devices.eligibility(id),
        ...presence.of(id, nowMs),
        busyElsewhere: isWorkingElsewhere(id),
        isRestarting: restarting.has(id),
      })
    }
    return {
      deployment: toPlan(row),
      targets: targets.values(),
      devices: planDevices,
      leaseMs: timings.leaseMs,
      cancelAgainMs: timings.cancelAgainMs,
    }
  }

  /** True when more work remains than one run may do. */
  function run(id: DeploymentId): boolean {
    const row = repo.byId(id)
    const isActive = row?.status === 'pending' || row?.status === 'in_progress'
    if (!row || !isActive) {
      openTargets.forget(id)
      wakeAt.delete(id)
      return false
    }
    let targets = openTargets.of(id)
    const planned = () => plan(snapshotOf(row, targets), deps.now(), timings.actionsPerRun)
    let next = planned()
    if (row.chosen && next.actions.some(({ type }) => type === 'start')) {
      // A transaction of its own: if the start is not written afterwards, it is simply decided again.
      deps.resolve(id)
      openTargets.forget(id)
      targets = openTargets.of(id)
      next = planned()
    }
    const { actions, wakeAtMs, more } = next
    if (wakeAtMs === null) wakeAt.delete(id)
    else wakeAt.set(id, wakeAtMs)
    if (actions.length === 0) return false
    const changes = createChanges()
    const sendings: Sending[] = []
    repo.transaction(() => perform(id, actions, targets, changes, sendings))
    deps.committed(changes)
    deps.sender.send(sendings)
    return more
  }

  /** Applies the pending shift; no deadline may be judged before that. False: the store cannot take it yet. */
  function settleClock(): boolean {
    if (pendingShift.shiftMs === 0 && pendingShift.jumpMs === 0) return true
    try {
      deps.clockRepo.shift(pendingShift)
    } catch (error) {
      deps.log.error({ err: error }, 'the deadlines could not be moved; it is tried again')
      return false
    }
    pendingShift = { shiftMs: 0, jumpMs: 0 }
    openTargets.forgetAll()
    wakeAt.clear()
    sweptAtMs = -Infinity
    return true
  }
  const offClock = deps.clock.onChange(({ shiftMs, jumpMs }: ClockChange) => {
    pendingShift = { shiftMs: pendingShift.shiftMs + shiftMs, jumpMs: pendingShift.jumpMs + jumpMs }
    if (shiftMs === 0 && jumpMs === 0) return
    if (settleClock()) deps.moved()
    schedule()
  })

  /** Marks deployments that came due and, at every heartbeat, all active ones. */
  function sweep(): void {
    const nowMs = deps.now()
    const awakeMs = deps.clock.awakeMs()
    for (const [id, atMs] of wakeAt) if (atMs <= nowMs) dirty.add(id)
    if (awakeMs - sweptAtMs < timings.heartbeatMs) return
    sweptAtMs = awakeMs
    try {
      for (const id of repo.activeIds()) dirty.add(id)
    } catch (error) {
      deps.log.error({ err: error }, 'the store could not be read; it is tried again')
    }
  }

  function runDirty(): void {
    if (timer) clearTimeout(timer)
    timer = null
    soon = null
    if (stopped) return
    deps.clock.settle()
    if (!settleClock()) {
      if (timer) clearTimeout(timer)
      timer = setTimeout(runDirty, timings.heartbeatMs)
      return
    }
    const startMs = performance.now()
    sweep()
    const ids = [...dirty]
    dirty.clear()
    const unfinished: DeploymentId[] = []
    for (const id of ids) {
      try {
        if (run(id)) unfinished.push(id)
      } catch (error) {
        // Another program holds the database. The run has not begun; it is retried when the lock is gone.
        if (storageFailure(error)?.kind === 'busy') {
          deps.log.debug({ deploymentId: id }, 'a deployment waits for a locked database')
          wakeAt.set(id, deps.now() + BUSY_RETRY_MS)
          continue
        }
        // One deployment that cannot be planned or stored must not stop the others; the next heartbeat retries it.
        deps.log.error({ err: error, deploymentId: id }, 'a deployment could not be advanced')
        openTargets.forget(id)
        wakeAt.set(id, deps.now() + timings.heartbeatMs)
      }
    }
    // A large deployment takes longer per run: run less often after it, so that others get most of the time.
    idleUntilMs = performance.now() + 3 * (performance.now() - startMs)
    for (const id of unfinished) dirty.add(id)
    if (unfinished.length > 0 && !stopped) soon = setImmediate(runDirty)
    else schedule()
  }

  function schedule(): void {
    if (stopped || soon) return
    const nextMs = Math.min(...wakeAt.values(), deps.now() + timings.heartbeatMs)
    const delayMs =
      dirty.size > 0
        ? Math.max(timings.coalesceMs, idleUntilMs - performance.now())
        : Math.max(timings.coalesceMs, nextMs - deps.now())
    if (timer) clearTimeout(timer)
    timer = setTimeout(runDirty, Math.min(delayMs, timings.heartbeatMs))
  }

  return {
    /** Call it when its targets were replaced. */
    forget: (id: DeploymentId): void => openTargets.forget(id),
    /** Run these soon. */
    poke(ids: Iterable<DeploymentId>): void {
      const before = dirty.size
      for (const id of ids) dirty.add(id)
      if (!stopped && before === 0 && dirty.size > 0) schedule()
    },
    /** Someone waits for these: run them as soon as the current run ends. */
    pokeNow(ids: Iterable<DeploymentId>): void {
      for (const id of ids) dirty.add(id)
      if (stopped || soon) return
      if (timer) clearTimeout(timer)
      soon = setImmediate(runDirty)
    },
    /** Devices at work now. */
    workingDevices: (): ReadonlySet<DeviceId> => openTargets.workingDevices(),
    /** The agent may not have received the cancel. */
    cancelLost(id: DeploymentId, targetId: TargetId): void {
      const target = openTargets.of(id).get(targetId)
      if (target) target.cancelToldAtMs = null
    },
    /** Continues all active deployments. A restart of the controller is just another run. */
    start(): void {
      repo.forgetOffers()
      deps.clockRepo.extendTo(deps.now() + timings.returnGraceMs)
      for (const id of repo.activeIds()) dirty.add(id)
      schedule()
    },
    stop(): void {
      stopped = true
      offClock()
      if (timer) clearTimeout(timer)
      if (soon) clearImmediate(soon)
    },
  }
}
export type Engine = ReturnType<typeof createEngine>
