/** The parts of the plan that look at one target and its device. Pure. */
import { HELD_WORDS } from './held.ts'
import type { Action, PlanDeployment, PlanDevice, PlanTarget, Snapshot } from './plan.types.ts'

type Wake = (atMs: number) => void

const minutes = (ms: number): string => {
  const n = Math.round(ms / 60_000)
  return n === 1 ? '1 minute' : `${n} minutes`
}

/** A target at work: does its lease or its deadline end? */
export function planRunning(
  target: PlanTarget,
  device: PlanDevice,
  snapshot: Snapshot,
  nowMs: number,
  wake: Wake,
): Extract<Action, { type: 'fail' | 'requeue' | 'tell_cancel' }> | null {
  // Its link was cut, and it is not let in to report. Like a lost lease: should it be allowed again, its true end is believed.
  if (device.refused)
    return {
      type: 'fail',
      targetId: target.id,
      reason: 'lease_expired',
      message: `${device.name} was removed or blocked while this was under way. How it ended on the PC is not known.`,
    }
  const leaseEndsMs = device.lastSignMs + snapshot.leaseMs
  if (nowMs >= leaseEndsMs) {
    const { canceling, offlinePolicy } = snapshot.deployment
    if (target.state === 'downloading' && offlinePolicy === 'wait' && !canceling)
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
  return snapshot.deployment.canceling
    ? planTellCancel(target, device, snapshot, nowMs, wake)
    : null
}

/** Ask the agent to stop, and ask again after a while, in case the first one got lost with its link. */
export function planTellCancel(
  target: PlanTarget,
  device: PlanDevice,
  { cancelAgainMs }: Snapshot,
  nowMs: number,
  wake: Wake,
): Extract<Action, { type: 'tell_cancel' }> | null {
  // Nobody would hear it; it is asked when it comes back.
  if (device.reachability !== 'online') return null
  if (target.cancelToldAtMs !== null && nowMs < target.cancelToldAtMs + cancelAgainMs) {
    wake(target.cancelToldAtMs + cancelAgainMs)
    return null
  }
  return { type: 'tell_cancel', targetId: target.id }
}

/** A pending target whose device has no link: wait, or give up. Null when it can be reached. */
export function planUnreachable(
  target: PlanTarget,
  device: PlanDevice,
  deployment: PlanDeployment,
  nowMs: number,
  wake: Wake,
):
  | { type: 'wait'; reason: 'connecting' | 'waiting_for_device' | 'device_busy' }
  | Extract<Action, { type: 'fail' }>
  | null {
  // It goes away because it was told to.
  if (device.isRestarting) return { type: 'wait', reason: 'device_busy' }
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
  // Time in which it could not have started anyway (its wave, a pause, the window) does not count.
  const untilMs = Math.max(target.sinceMs, deployment.readySinceMs ?? 0) + deployment.waitMs
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

/** A PC that may not work now is asked again and again: for how long? */
export function planHeld(
  { id: targetId, held }: PlanTarget,
  device: PlanDevice,
  deployment: PlanDeployment,
  nowMs: number,
  wake: Wake,
): Extract<Action, { type: 'fail' }> | null {
  if (held === null) return null
  const untilMs = Math.max(held.sinceMs, deployment.readySinceMs ?? 0) + deployment.waitMs
  wake(untilMs)
  if (nowMs < untilMs) return null
  return {
    type: 'fail',
    targetId,
    reason: 'rejected_by_agent',
    message: HELD_WORDS[held.by].tooLong(device.name, minutes(deployment.waitMs)),
  }
}
