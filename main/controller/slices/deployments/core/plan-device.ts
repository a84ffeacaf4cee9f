/** The parts of the plan that concern one target and its device. Pure. */
import { coded } from '#shared/domain/coded-texts/codes.ts'
import type { Action, PlanDeployment, PlanDevice, PlanSettings, PlanTarget } from './plan.types.ts'

type Wake = (atMs: number) => void

const minutes = (ms: number): number => Math.round(ms / 60_000)

/** Ends a running target whose lease or deadline is over. */
export function planRunning(
  target: PlanTarget,
  device: PlanDevice,
  settings: PlanSettings,
  nowMs: number,
  wake: Wake,
): Extract<Action, { type: 'fail' | 'requeue' | 'send_cancel' }> | null {
  // Its link was cut and its reports are refused. Treat it like a lost lease: if it is allowed again, its real result counts.
  if (device.refused)
    return {
      type: 'fail',
      targetId: target.id,
      reason: 'lease_expired',
      text: coded('device_gone_meanwhile', { device: device.name }),
    }
  const leaseEndsMs = device.lastSignMs + settings.leaseMs
  if (nowMs >= leaseEndsMs) {
    const { canceling, offlinePolicy } = settings.deployment
    if (target.state === 'downloading' && offlinePolicy === 'wait' && !canceling)
      return { type: 'requeue', targetId: target.id, reason: 'waiting_for_device' }
    return {
      type: 'fail',
      targetId: target.id,
      reason: 'lease_expired',
      text: coded('no_sign_of_life', { device: device.name, n: minutes(settings.leaseMs) }),
    }
  }
  // While the device is online its lease renews itself; checking again after one lease is soon enough.
  wake(leaseEndsMs)
  if (target.deadlineMs !== null) {
    if (nowMs >= target.deadlineMs)
      return {
        type: 'fail',
        targetId: target.id,
        // Like a lost lease: its real result counts if it still arrives.
        reason: 'lease_expired',
        text: coded('no_result_in_time', { device: device.name }),
      }
    wake(target.deadlineMs)
  }
  return settings.deployment.canceling
    ? planSendCancel(target, device, settings, nowMs, wake)
    : null
}

/** Sends a cancel command to the agent, and repeats it after `cancelAgainMs` in case the first one was lost. */
export function planSendCancel(
  target: PlanTarget,
  device: PlanDevice,
  { cancelAgainMs }: PlanSettings,
  nowMs: number,
  wake: Wake,
): Extract<Action, { type: 'send_cancel' }> | null {
  // It is sent when the agent reconnects.
  if (device.reachability !== 'online') return null
  if (target.cancelSentAtMs !== null && nowMs < target.cancelSentAtMs + cancelAgainMs) {
    wake(target.cancelSentAtMs + cancelAgainMs)
    return null
  }
  return { type: 'send_cancel', targetId: target.id }
}

/** Whether a pending target waits for its offline device, or fails. Null when the device can be reached. */
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
  // It is offline because it was ordered to restart.
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
      text: coded('offline', { device: device.name }),
    }
  // Time in which it could not have started anyway (waiting for its wave, a pause, the window) does not count.
  const untilMs = Math.max(target.sinceMs, deployment.readySinceMs ?? 0) + deployment.waitMs
  if (nowMs < untilMs) {
    wake(untilMs)
    return { type: 'wait', reason: 'waiting_for_device' }
  }
  return {
    type: 'fail',
    targetId: target.id,
    reason: 'offline',
    text: coded('not_online_in_time', { device: device.name, n: minutes(deployment.waitMs) }),
  }
}

/** How long to keep offering a target to a PC that defers it. */
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
    text: coded(`${held.by}_too_long`, { device: device.name, n: minutes(deployment.waitMs) }),
  }
}
