/**
 * Decides what to do now: a pure function of the deployment, its open targets, which devices can be reached, and the clock.
 * The engine loads a snapshot, plans, commits, performs. Timers and events only make it run sooner, so the next run catches
 * up on a lost event, and a restart is just another run.
 *
 * `createPlanner` gives the same plans, but remembers what it found for each device and looks again only at those that
 * changed, or whose time has come.
 */
import { coded } from '#shared/domain/coded-texts/codes.ts'
import { windowAt } from '#shared/domain/maintenance-window.ts'
import { reachesThreshold } from '#shared/domain/strategy.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import { planDevice, type DevicePlan, type PlanContext } from './device-plan.ts'
import { createPlanSums } from './plan-sums.ts'
import type { Action, Plan, PlanDeployment, PlanInput, PlanTarget, Snapshot } from './plan.types.ts'

export type * from './plan.types.ts'
export type Planner = ReturnType<typeof createPlanner>

/** Wait reasons are written for many targets in one statement: ten of them cost as much as one offer. */
const WAIT_COST = 0.1

export const inOrder = (a: PlanTarget, b: PlanTarget): number =>
  a.position - b.position || a.id - b.id

/** Why nothing may start now, or null when it may. */
function holdOf(
  deployment: PlanDeployment,
  nowMs: number,
  wake: (atMs: number) => void,
): PlanContext['hold'] {
  if (deployment.scheduledAtMs !== null && deployment.scheduledAtMs > nowMs) {
    wake(deployment.scheduledAtMs)
    return 'waiting_for_window'
  }
  if (deployment.paused) return 'paused'
  if (deployment.window) {
    const { isOpen, changesAtMs } = windowAt(deployment.window, nowMs)
    wake(changesAtMs)
    if (!isOpen) return 'waiting_for_window'
  }
  return null
}

/** What the plan of every device depends on, as one text. */
const contextKey = ({ deployment, leaseMs, cancelAgainMs, ...rest }: PlanContext): string => {
  const { canceling, offlinePolicy, waitMs } = deployment
  const { hold, wave, readySinceMs } = rest
  return JSON.stringify([
    ...[canceling, offlinePolicy, waitMs, leaseMs, cancelAgainMs],
    ...[hold, wave, readySinceMs],
  ])
}

export function createPlanner() {
  const plans = new Map<DeviceId, DevicePlan>()
  const sums = createPlanSums()
  /** Devices to look at again. */
  const changed = new Set<DeviceId>()
  let isAllChanged = true
  let key = ''
  let lastMs = -Infinity
  /** No device is due before that. */
  let dueAtMs = Infinity

  function collectDue(nowMs: number): void {
    if (nowMs < dueAtMs) return
    dueAtMs = Infinity
    for (const [id, { wakeAtMs }] of plans)
      if (wakeAtMs <= nowMs) changed.add(id)
      else dueAtMs = Math.min(dueAtMs, wakeAtMs)
  }
  function forget(id: DeviceId): void {
    const known = plans.get(id)
    if (known) sums.remove(known)
    plans.delete(id)
  }

  return {
    /** Devices that the next plan looks at, apart from those that are due. Null: all. */
    changed: (): ReadonlySet<DeviceId> | null => (isAllChanged ? null : changed),
    /** The device, or one of its open targets, is different now. */
    touch: (id: DeviceId): void => void changed.add(id),
    touchAll: (): void => void (isAllChanged = true),

    /**
     * Running it twice on the same snapshot gives the same plan; performing a plan twice does no harm.
     * @param limit roughly the most actions, where ten wait reasons count as one; the rest is planned once these are
     *   committed (`more`)
     */
    plan(input: PlanInput, nowMs: number, limit = Infinity): Plan {
      const { deployment, targets, leaseMs, cancelAgainMs } = input
      const { status } = deployment
      if (status !== 'pending' && status !== 'in_progress')
        return { actions: [], wakeAtMs: null, more: false }

      const actions: Action[] = []
      let wakeAtMs = Infinity
      const wake = (atMs: number) => {
        if (atMs > nowMs && atMs < wakeAtMs) wakeAtMs = atMs
      }
      let spared = 0
      const add = (action: Action) => {
        actions.push(action)
        if (action.type === 'wait') spared += 1 - WAIT_COST
      }
      const isLimitReached = () => actions.length - spared >= limit
      /** Devices with actions of their own. Whether these are performed is not known here. */
      const acting: DeviceId[] = []
      const planned = (more: boolean): Plan => {
        for (const id of acting) changed.add(id)
        wake(dueAtMs)
        return { actions, wakeAtMs: wakeAtMs === Infinity ? null : wakeAtMs, more }
      }

      const hold = holdOf(deployment, nowMs, wake)
      const starts = status === 'pending' && !deployment.canceling && hold === null
      if (starts) add({ type: 'start' })
      const isUnderWay = starts || status === 'in_progress'
      const context: PlanContext = {
        ...{ deployment, leaseMs, cancelAgainMs, hold },
        // The first wave opens with the start.
        wave: isUnderWay ? Math.max(1, deployment.wave) : 0,
        // The wait for devices counts from the start, not from when the deployment was created.
        readySinceMs: starts ? nowMs : deployment.readySinceMs,
      }

      const newKey = contextKey(context)
      // A clock that was set back makes what is due unknown.
      if (isAllChanged || newKey !== key || nowMs < lastMs) {
        for (const id of plans.keys()) changed.add(id)
        for (const id of targets.keys()) changed.add(id)
        dueAtMs = Infinity
      } else collectDue(nowMs)
      isAllChanged = false
      key = newKey
      lastMs = nowMs

      // Ends first, because they decide what may start.
      let failed = 0
      const firstId = (id: DeviceId) => targets.get(id)?.[0]?.id ?? 0
      for (const id of [...changed].sort((a, b) => firstId(a) - firstId(b))) {
        if (isLimitReached()) return planned(true)
        const open = targets.get(id)
        forget(id)
        changed.delete(id)
        if (!open) continue
        const plan = planDevice(open, input.devices.get(id)!, context, nowMs)
        plans.set(id, plan)
        sums.add(plan)
        dueAtMs = Math.min(dueAtMs, plan.wakeAtMs)
        failed += plan.failed
        plan.actions.forEach(add)
        if (plan.actions.length > 0) acting.push(id)
      }

      if (sums.open === 0) {
        // A deployment that has not started cannot end either, unless it was cancelled.
        if (isUnderWay || deployment.canceling) add({ type: 'conclude' })
        return planned(false)
      }
      if (deployment.canceling || hold !== null || !isUnderWay) return planned(false)

      const { threshold } = deployment
      const round = { ...deployment.round, failed: deployment.round.failed + failed }
      if (threshold && sums.pending > 0 && reachesThreshold(round, threshold.percent)) {
        const executed = round.completed + round.failed
        if (executed >= threshold.minExecuted || sums.openInWave === 0) {
          const text = coded('too_many_failed', {
            failed: round.failed,
            executed,
            share: Math.round((100 * round.failed) / executed),
            limit: threshold.percent,
          })
          add({ type: 'pause', text })
          return planned(false)
        }
      }
      if (sums.openInWave === 0) {
        const { waveEndedAtMs, restBetweenWavesMs } = deployment
        const restEndsMs = (waveEndedAtMs ?? nowMs) + restBetweenWavesMs
        if (nowMs >= restEndsMs) {
          let wave = Infinity
          for (const { nextWave } of plans.values()) wave = Math.min(wave, nextWave)
          add({ type: 'open_wave', wave })
        } else {
          if (waveEndedAtMs === null) add({ type: 'end_wave' })
          wake(restEndsMs)
        }
        return planned(false)
      }

      // Start in the order chosen, even after retries.
      for (const action of sums.starts(deployment.maxConcurrent)) {
        if (isLimitReached()) return planned(true)
        add(action)
      }
      return planned(false)
    },
  }
}

/** The plan of a snapshot. Pure. */
export function plan(snapshot: Snapshot, nowMs: number, limit?: number): Plan {
  return createPlanner().plan({ ...snapshot, targets: byDevice(snapshot.targets) }, nowMs, limit)
}

/** Groups targets by device, packages in their order. */
export function byDevice<T extends PlanTarget>(targets: Iterable<T>): Map<DeviceId, T[]> {
  const map = new Map<DeviceId, T[]>()
  for (const target of targets) {
    const list = map.get(target.deviceId)
    if (list) list.push(target)
    else map.set(target.deviceId, [target])
  }
  for (const list of map.values()) if (list.length > 1) list.sort(inOrder)
  return map
}
