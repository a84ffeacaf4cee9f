/**
 * What is owed now? A pure function of the deployment, its open targets, who can be reached, and the clock.
 * The engine loads a snapshot, plans, commits, performs; timers and events merely make it run sooner, so a lost event
 * heals at the next run and a restart is just another run.
 */
import type { DeploymentState } from '#shared/domain/deployment-state.ts'
import type { DeviceId, TargetId } from '#shared/domain/ids.ts'
import type { FailureReason, SkipReason, TargetReason } from '#shared/domain/reasons.ts'
import type { Reachability } from '../devices/index.ts'

export type PlanDeployment = {
  status: DeploymentState
  paused: boolean
  canceling: boolean
  maxConcurrent: number
  offlinePolicy: 'fail' | 'wait'
  waitMs: number
}

/** What there is to give out. `fetching`: the controller still gets it from its address. */
export type PlanInstaller =
  | { state: 'none' }
  | { state: 'fetching' }
  | { state: 'failed'; reason: FailureReason; message: string }
  | { state: 'ready' }

export type PlanTarget = {
  id: TargetId
  deviceId: DeviceId
  /** Order of the packages on one device, from 0. */
  position: number
  state: 'pending' | 'downloading' | 'installing'
  reason: TargetReason | null
  /** When it entered this state, epoch ms. */
  sinceMs: number
  /** The attempt was sent and no answer has come yet, epoch ms. */
  offeredAtMs: number | null
  /** The attempt was sent at least once: the agent may hold it. */
  offeredBefore: boolean
  notBeforeMs: number | null
  deadlineMs: number | null
  installer: PlanInstaller
}

export type PlanDevice = {
  name: string
  reachability: Reachability
  /** Epoch ms from which it counts as offline, if no link comes. */
  offlineAtMs: number
  /** Epoch ms of the last sign of life. */
  lastSignMs: number
  /** Another deployment is at work on it. */
  busyElsewhere: boolean
  /** Forgotten, blocked or not approved: nothing is sent to it. */
  refused: boolean
}

export type Snapshot = {
  deployment: PlanDeployment
  /** Targets that have not ended. */
  targets: PlanTarget[]
  devices: ReadonlyMap<DeviceId, PlanDevice>
  leaseMs: number
}

export type Action =
  | { type: 'start' }
  | { type: 'offer'; targetId: TargetId }
  /** It stays pending; this is why. */
  | { type: 'wait'; targetId: TargetId; reason: TargetReason | null }
  | { type: 'fail'; targetId: TargetId; reason: FailureReason; message: string }
  | { type: 'skip'; targetId: TargetId; reason: SkipReason; message: string }
  /** Back to pending under the same attempt: the lease was lost before the installer started. */
  | { type: 'requeue'; targetId: TargetId; reason: TargetReason }
  /** Ask the agent to stop; the truth arrives as its result. */
  | { type: 'tell_cancel'; targetId: TargetId }
  | { type: 'conclude' }

export type Plan = {
  actions: Action[]
  /** Epoch ms of the next moment at which time alone changes the answer; null = only events can. */
  wakeAtMs: number | null
}

const minutes = (ms: number): string => {
  const n = Math.round(ms / 60_000)
  return n === 1 ? '1 minute' : `${n} minutes`
}

/** Groups by device, packages in their order. */
function byDevice(targets: PlanTarget[]): Map<DeviceId, PlanTarget[]> {
  const map = new Map<DeviceId, PlanTarget[]>()
  for (const target of targets) {
    const list = map.get(target.deviceId)
    if (list) list.push(target)
    else map.set(target.deviceId, [target])
  }
  for (const list of map.values()) list.sort((a, b) => a.position - b.position)
  return map
}

/** Pure. Running it twice on the same snapshot gives the same plan; performing a plan twice does no harm. */
export function plan(snapshot: Snapshot, nowMs: number): Plan {
  const { deployment } = snapshot
  if (deployment.status !== 'pending' && deployment.status !== 'in_progress')
    return { actions: [], wakeAtMs: null }

  const actions: Action[] = []
  let wakeAtMs: number | null = null
  const wake = (atMs: number) => {
    if (atMs > nowMs && (wakeAtMs === null || atMs < wakeAtMs)) wakeAtMs = atMs
  }
  if (deployment.status === 'pending') actions.push({ type: 'start' })

  let open = snapshot.targets.length
  const end = (action: Action) => {
    actions.push(action)
    open--
  }
  const wait = (target: PlanTarget, reason: TargetReason | null) => {
    if (target.reason !== reason) actions.push({ type: 'wait', targetId: target.id, reason })
  }

  const devices = byDevice(snapshot.targets)
  const isActive = (t: PlanTarget) => t.state !== 'pending' || t.offeredAtMs !== null
  let activeDevices = [...devices.values()].filter((list) => list.some(isActive)).length

  for (const [deviceId, list] of devices) {
    const device = snapshot.devices.get(deviceId)!
    /** Whether this device is at work for this deployment after what was planned so far. */
    let working = list.some(isActive)

    for (const target of list) {
      if (target.state !== 'pending') {
        const verdictOnRunning = planRunning(target, device, snapshot, nowMs, wake)
        if (verdictOnRunning?.type === 'fail') {
          end(verdictOnRunning)
          working = false
        } else if (verdictOnRunning) actions.push(verdictOnRunning)
        continue
      }
      if (device.refused) {
        end({
          type: 'skip',
          targetId: target.id,
          reason: 'device_deleted',
          message: `${device.name} was removed or blocked.`,
        })
        continue
      }
      if (target.offeredAtMs !== null) {
        // In the agent's hands, its answer is under way. The sender gives up by itself and clears the mark.
        if (deployment.canceling) actions.push({ type: 'tell_cancel', targetId: target.id })
        continue
      }
      if (deployment.canceling) {
        if (target.offeredBefore && device.reachability === 'online')
          actions.push({ type: 'tell_cancel', targetId: target.id })
        else if (target.offeredBefore && nowMs - device.lastSignMs < snapshot.leaseMs)
          wake(device.lastSignMs + snapshot.leaseMs)
        else
          end({
            type: 'skip',
            targetId: target.id,
            reason: 'canceled',
            message: 'Cancelled before it started.',
          })
        continue
      }
      if (target.installer.state === 'none') {
        end({
          type: 'skip',
          targetId: target.id,
          reason: 'no_installer',
          message: `There is no installer for the platform of ${device.name}.`,
        })
        continue
      }
      if (target.installer.state === 'failed') {
        end({
          type: 'fail',
          targetId: target.id,
          reason: target.installer.reason,
          message: target.installer.message,
        })
        continue
      }
      if (target.deadlineMs !== null && nowMs >= target.deadlineMs) {
        end({
          type: 'fail',
          targetId: target.id,
          reason: 'lease_expired',
          message: `The agent on ${device.name} did not take the command in time.`,
        })
        continue
      }
      if (target.deadlineMs !== null) wake(target.deadlineMs)

      const unreachable = planUnreachable(target, device, deployment, nowMs, wake)
      if (unreachable) {
        if (unreachable.type === 'fail') end(unreachable)
        else wait(target, unreachable.reason)
        continue
      }
      if (target.installer.state === 'fetching') wait(target, null)
      else if (deployment.paused) wait(target, 'paused')
      else if (working || device.busyElsewhere) wait(target, 'device_busy')
      else if (target.notBeforeMs !== null && target.notBeforeMs > nowMs) {
        wake(target.notBeforeMs)
        wait(target, 'retry_later')
      } else if (activeDevices >= deployment.maxConcurrent) wait(target, 'waiting_for_wave')
      else {
        actions.push({ type: 'offer', targetId: target.id })
        working = true
        activeDevices++
      }
    }
  }
  if (open === 0) actions.push({ type: 'conclude' })
  return { actions, wakeAtMs }
}

/** A target at work: does its lease or its deadline end? */
function planRunning(
  target: PlanTarget,
  device: PlanDevice,
  snapshot: Snapshot,
  nowMs: number,
  wake: (atMs: number) => void,
): Extract<Action, { type: 'fail' | 'requeue' | 'tell_cancel' }> | null {
  const leaseEndsMs = device.lastSignMs + snapshot.leaseMs
  if (nowMs >= leaseEndsMs) {
    const { canceling, offlinePolicy } = snapshot.deployment
    if (target.state === 'downloading' && offlinePolicy === 'wait' && !canceling && !device.refused)
      return { type: 'requeue', targetId: target.id, reason: 'waiting_for_device' }
    return {
      type: 'fail',
      targetId: target.id,
      reason: 'lease_expired',
      message: `No sign of life from ${device.name} for ${minutes(snapshot.leaseMs)}. If its agent returns with a result, it is recorded here.`,
    }
  }
  // While it is online the lease renews itself; asking again after a lease is soon enough.
  wake(leaseEndsMs)
  if (target.deadlineMs !== null) {
    if (nowMs >= target.deadlineMs)
      return {
        type: 'fail',
        targetId: target.id,
        // Like a lost lease: its true end is believed when it comes after all.
        reason: 'lease_expired',
        message: `${device.name} did not report a result in time.`,
      }
    wake(target.deadlineMs)
  }
  return snapshot.deployment.canceling ? { type: 'tell_cancel', targetId: target.id } : null
}

/** A pending target whose device has no link: wait, or give up. Null when it can be reached. */
function planUnreachable(
  target: PlanTarget,
  device: PlanDevice,
  deployment: PlanDeployment,
  nowMs: number,
  wake: (atMs: number) => void,
): { type: 'wait'; reason: TargetReason } | Extract<Action, { type: 'fail' }> | null {
  if (device.reachability === 'online') return null
  if (device.reachability === 'connecting') {
    wake(device.offlineAtMs)
    return { type: 'wait', reason: 'connecting' }
  }
  if (deployment.offlinePolicy === 'fail')
    return {
      type: 'fail',
      targetId: target.id,
      reason: 'offline',
      message: `${device.name} is offline.`,
    }
  const untilMs = target.sinceMs + deployment.waitMs
  if (nowMs < untilMs) {
    wake(untilMs)
    return { type: 'wait', reason: 'waiting_for_device' }
  }
  return {
    type: 'fail',
    targetId: target.id,
    reason: 'offline',
    message: `${device.name} did not come online within ${minutes(deployment.waitMs)}.`,
  }
}
