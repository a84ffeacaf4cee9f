/**
 * Decides what to do now: a pure function of the deployment, its open targets, which devices can be reached, and the clock.
 * The engine loads a snapshot, plans, commits, performs. Timers and events only make it run sooner, so the next run catches
 * up on a lost event, and a restart is just another run.
 */
import { coded } from '#shared/domain/coded-texts/codes.ts'
import { windowAt } from '#shared/domain/maintenance-window.ts'
import { reachesThreshold } from '#shared/domain/strategy.ts'
import type { DeviceId, TargetId } from '#shared/domain/ids.ts'
import type { TargetReason } from '#shared/domain/reasons.ts'
import { planHeld, planRunning, planSendCancel, planUnreachable } from './plan-device.ts'
import type {
  Action,
  Plan,
  PlanDeployment,
  PlanDevice,
  PlanTarget,
  Snapshot,
} from './plan.types.ts'

export type * from './plan.types.ts'

/** Groups targets by device, packages in their order. */
function byDevice(targets: Iterable<PlanTarget>): Map<DeviceId, PlanTarget[]> {
  const map = new Map<DeviceId, PlanTarget[]>()
  for (const target of targets) {
    const list = map.get(target.deviceId)
    if (!list) map.set(target.deviceId, [target])
    else if (list.at(-1)!.position <= target.position) list.push(target)
    else {
      list.push(target)
      list.sort((a, b) => a.position - b.position)
    }
  }
  return map
}

/** Wait reasons are written for many targets in one statement: ten of them cost as much as one offer. */
const WAIT_COST = 0.1

const isActive = (t: PlanTarget) => t.state !== 'pending' || t.offeredAtMs !== null
/**
 * The target was sent and its answer was lost: the agent may be working on it. It keeps its place among the running devices,
 * and on its own device, until that is known. An agent that reconnects names the attempts it holds, which clears the deadline
 * and settles the question.
 */
const mayBeActive = (t: PlanTarget, device: PlanDevice) =>
  !isActive(t) && t.offeredBefore && t.deadlineMs !== null && device.reachability === 'online'

/** Why nothing may start now, or null when it may. */
function holdOf(
  deployment: PlanDeployment,
  nowMs: number,
  wake: (atMs: number) => void,
): Extract<TargetReason, 'paused' | 'waiting_for_window'> | null {
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

/**
 * Pure. Running it twice on the same snapshot gives the same plan; performing a plan twice does no harm.
 * @param limit roughly the most actions, where ten wait reasons count as one; the rest is planned once these are
 *   committed (`more`)
 */
export function plan(snapshot: Snapshot, nowMs: number, limit = Infinity): Plan {
  const { deployment } = snapshot
  const { status } = deployment
  if (status !== 'pending' && status !== 'in_progress')
    return { actions: [], wakeAtMs: null, more: false }

  const actions: Action[] = []
  let wakeAtMs: number | null = null
  const wake = (atMs: number) => {
    if (atMs > nowMs && atMs < (wakeAtMs ?? Infinity)) wakeAtMs = atMs
  }
  const hold = holdOf(deployment, nowMs, wake)
  const starts = deployment.status === 'pending' && !deployment.canceling && hold === null
  if (starts) actions.push({ type: 'start' })
  const isUnderWay = starts || deployment.status === 'in_progress'
  // The first wave opens with the start.
  const wave = isUnderWay ? Math.max(1, deployment.wave) : 0
  // The wait for devices counts from the start, not from when the deployment was created.
  const readySinceMs = starts ? nowMs : deployment.readySinceMs

  const devices = byDevice(snapshot.targets)
  const round = { ...deployment.round }
  /** Targets that this plan fails or skips. */
  const endedHere = new Set<TargetId>()
  /** `isNext`: no other target of its device comes first. */
  const ready: { target: PlanTarget; isNext: boolean }[] = []
  let open = 0
  let openInWave = 0
  let pending = 0
  let nextWave = Infinity
  let activeDevices = 0
  let perhapsActiveDevices = 0
  let spared = 0
  const wait = (target: PlanTarget, reason: TargetReason | null) => {
    if (target.reason === reason) return
    actions.push({ type: 'wait', targetId: target.id, reason })
    spared += 1 - WAIT_COST
  }
  const isLimitReached = () => actions.length - spared >= limit

  // Ends first, because they decide what may start.
  for (const [deviceId, list] of devices) {
    if (isLimitReached()) return { actions, wakeAtMs, more: true }
    const device = snapshot.devices.get(deviceId)!
    let first: PlanTarget | null = null
    let works = false
    let mayWork: PlanTarget | null = null
    const readyHere: PlanTarget[] = []
    for (const target of list) {
      const stays = planTarget(target)
      if (!stays) continue
      open++
      first ??= target
      works ||= isActive(target)
      if (mayBeActive(target, device)) mayWork ??= target
      if (target.wave <= wave) openInWave++
      else nextWave = Math.min(nextWave, target.wave)
      if (target.state === 'pending') pending++
    }
    if (works) activeDevices++
    else if (mayWork) perhapsActiveDevices++
    for (const target of readyHere)
      ready.push({ target, isNext: !works && target === (mayWork ?? first) })

    /** Plans the end of a target, or keeps it: true. */
    function planTarget(target: PlanTarget): boolean {
      const { id: targetId } = target
      const end = (action: Extract<Action, { type: 'fail' | 'skip' }>): false => {
        actions.push(action)
        endedHere.add(targetId)
        if (action.type === 'fail') round.failed++
        return false
      }
      if (target.state !== 'pending') {
        const verdict = planRunning(target, device, snapshot, nowMs, wake)
        if (verdict?.type === 'fail') return end(verdict)
        if (verdict) actions.push(verdict)
        return true
      }
      if (device.refused)
        return end({
          type: 'skip',
          targetId,
          reason: 'device_deleted',
          text: coded('device_gone', { device: device.name }),
        })
      if (target.offeredAtMs !== null) {
        // The command was sent and its answer is pending. The sender times out by itself and clears the mark.
        if (deployment.canceling) sendCancel(target)
        return true
      }
      if (deployment.canceling) {
        const mayHoldIt = target.offeredBefore
        if (mayHoldIt && device.reachability === 'online') {
          if (isTooLate(target)) return end(notTaken(targetId))
          sendCancel(target)
          return true
        }
        if (mayHoldIt && nowMs - device.lastSignMs < snapshot.leaseMs) {
          wake(device.lastSignMs + snapshot.leaseMs)
          return true
        }
        return end({
          type: 'skip',
          targetId,
          reason: 'canceled',
          text: coded('canceled', {}),
        })
      }
      if (target.installer.state === 'none')
        return end({
          type: 'skip',
          targetId,
          reason: 'no_installer',
          text: coded('no_installer', { device: device.name }),
        })
      if (hold !== null || target.wave > wave) {
        wait(target, target.wave > Math.max(1, wave) ? 'waiting_for_wave' : hold)
        return true
      }
      const missing =
        target.missingDependency ?? target.needs.find(({ id }) => endedHere.has(id))?.name
      if (missing !== undefined)
        return end({
          type: 'fail',
          targetId,
          reason: 'dependency_failed',
          text: coded('dependency_missing', { software: missing, device: device.name }),
        })
      if (target.installer.state === 'failed') {
        const { reason, text } = target.installer
        return end({ type: 'fail', targetId, reason, text })
      }
      const unreachable = planUnreachable(
        target,
        device,
        { ...deployment, readySinceMs },
        nowMs,
        wake,
      )
      if (unreachable?.type === 'fail') return end(unreachable)
      const heldTooLong = unreachable
        ? null
        : planHeld(target, device, { ...deployment, readySinceMs }, nowMs, wake)
      if (heldTooLong) return end(heldTooLong)
      // The timeout for an answer applies only while the agent is connected, and starts again when it reconnects.
      if (!unreachable && isTooLate(target)) return end(notTaken(targetId))
      if (unreachable) wait(target, unreachable.reason)
      else if (target.installer.state === 'fetching') wait(target, null)
      else readyHere.push(target)
      return true
    }
    function isTooLate({ deadlineMs }: PlanTarget): boolean {
      if (deadlineMs === null) return false
      wake(deadlineMs)
      return nowMs >= deadlineMs
    }
    function notTaken(targetId: TargetId): Extract<Action, { type: 'fail' }> {
      return {
        type: 'fail',
        targetId,
        reason: 'lease_expired',
        text: coded('command_not_taken', { device: device.name }),
      }
    }
    function sendCancel(target: PlanTarget): void {
      const action = planSendCancel(target, device, snapshot, nowMs, wake)
      if (action) actions.push(action)
    }
  }

  if (open === 0) {
    // A deployment that has not started cannot end either, unless it was cancelled.
    if (isUnderWay || deployment.canceling) actions.push({ type: 'conclude' })
    return { actions, wakeAtMs, more: false }
  }
  if (deployment.canceling || hold !== null || !isUnderWay)
    return { actions, wakeAtMs, more: false }

  const { threshold } = deployment
  if (threshold && pending > 0 && reachesThreshold(round, threshold.percent)) {
    const executed = round.completed + round.failed
    if (executed >= threshold.minExecuted || openInWave === 0) {
      const text = coded('too_many_failed', {
        failed: round.failed,
        executed,
        share: Math.round((100 * round.failed) / executed),
        limit: threshold.percent,
      })
      return { actions: [...actions, { type: 'pause', text }], wakeAtMs, more: false }
    }
  }
  if (openInWave === 0) {
    const { waveEndedAtMs, restBetweenWavesMs } = deployment
    const restEndsMs = (waveEndedAtMs ?? nowMs) + restBetweenWavesMs
    if (nowMs >= restEndsMs) actions.push({ type: 'open_wave', wave: nextWave })
    else {
      if (waveEndedAtMs === null) actions.push({ type: 'end_wave' })
      wake(restEndsMs)
    }
    return { actions, wakeAtMs, more: false }
  }

  // Start in the order chosen, even after retries. The list is nearly sorted already.
  ready.sort((a, b) => a.target.id - b.target.id)
  for (const { target, isNext } of ready) {
    if (isLimitReached()) return { actions, wakeAtMs, more: true }
    const device = snapshot.devices.get(target.deviceId)!
    const keepsPlace = mayBeActive(target, device)
    const taken = activeDevices + (keepsPlace ? 0 : perhapsActiveDevices)
    if (!isNext || device.busyElsewhere) wait(target, 'device_busy')
    else if (target.notBeforeMs !== null && target.notBeforeMs > nowMs) {
      wake(target.notBeforeMs)
      wait(target, 'retry_later')
    } else if (taken >= deployment.maxConcurrent) wait(target, 'waiting_for_wave')
    else {
      actions.push({ type: 'offer', targetId: target.id })
      activeDevices++
      if (keepsPlace) perhapsActiveDevices--
    }
  }
  return { actions, wakeAtMs, more: false }
}
