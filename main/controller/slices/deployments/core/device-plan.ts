/** The part of the plan that concerns one device: what ends, what waits, and what could start. Pure. */
import { coded } from '#shared/domain/coded-texts/codes.ts'
import type { TargetId } from '#shared/domain/ids.ts'
import type { TargetReason } from '#shared/domain/reasons.ts'
import { planHeld, planRunning, planSendCancel, planUnreachable } from './plan-device.ts'
import type { Action, PlanDevice, PlanSettings, PlanTarget } from './plan.types.ts'

/** A target that could start if the deployment has room. */
export type ReadyTarget = {
  target: PlanTarget
  /** What keeps it on its own device; null: only the limit of devices can. */
  waitsFor: 'device_busy' | 'retry_later' | null
  /** See `mayBeActive`. */
  keepsPlace: boolean
}
export type DevicePlan = {
  actions: Action[]
  failed: number
  open: number
  openInWave: number
  pending: number
  /** The earliest wave of its targets after the current one. */
  nextWave: number
  works: boolean
  mayWork: boolean
  ready: ReadyTarget[]
  /** When the passing of time alone changes this. */
  wakeAtMs: number
}
/** What all devices of the deployment share. */
export type PlanContext = PlanSettings & {
  /** Why nothing may start now. */
  hold: Extract<TargetReason, 'paused' | 'waiting_for_window'> | null
  /** The current wave; 0 before the start. */
  wave: number
  readySinceMs: number | null
}

const isActive = (t: PlanTarget) => t.state !== 'pending' || t.offeredAtMs !== null
/**
 * The target was sent and its answer was lost: the agent may be working on it. It keeps its place among the running devices,
 * and on its own device, until that is known. An agent that reconnects names the attempts it holds, which clears the deadline
 * and settles the question.
 */
const mayBeActive = (t: PlanTarget, device: PlanDevice) =>
  !isActive(t) && t.offeredBefore && t.deadlineMs !== null && device.reachability === 'online'

/** @param targets its open targets, packages in their order */
export function planDevice(
  targets: readonly PlanTarget[],
  device: PlanDevice,
  context: PlanContext,
  nowMs: number,
): DevicePlan {
  const { hold, wave, readySinceMs } = context
  const deployment = { ...context.deployment, readySinceMs }
  const actions: Action[] = []
  /** Targets that this plan fails or skips. */
  const ended = new Set<TargetId>()
  const planned: DevicePlan = {
    ...{ actions, failed: 0, open: 0, openInWave: 0, pending: 0, nextWave: Infinity },
    ...{ works: false, mayWork: false, ready: [], wakeAtMs: Infinity },
  }
  const wake = (atMs: number) => {
    if (atMs > nowMs && atMs < planned.wakeAtMs) planned.wakeAtMs = atMs
  }
  const ready: PlanTarget[] = []
  let first: PlanTarget | null = null
  let mayWork: PlanTarget | null = null
  for (const target of targets) {
    if (!planTarget(target)) continue
    planned.open++
    first ??= target
    planned.works ||= isActive(target)
    if (mayBeActive(target, device)) mayWork ??= target
    if (target.wave <= wave) planned.openInWave++
    else planned.nextWave = Math.min(planned.nextWave, target.wave)
    if (target.state === 'pending') planned.pending++
  }
  planned.mayWork = !planned.works && mayWork !== null
  for (const target of ready) {
    const isNext = !planned.works && target === (mayWork ?? first)
    planned.ready.push({
      target,
      waitsFor: waitOf(target, isNext),
      keepsPlace: mayBeActive(target, device),
    })
  }
  return planned

  function waitOf({ notBeforeMs }: PlanTarget, isNext: boolean): ReadyTarget['waitsFor'] {
    if (!isNext || device.busyElsewhere) return 'device_busy'
    if (notBeforeMs === null || notBeforeMs <= nowMs) return null
    wake(notBeforeMs)
    return 'retry_later'
  }
  function wait(target: PlanTarget, reason: TargetReason | null): void {
    if (target.reason !== reason) actions.push({ type: 'wait', targetId: target.id, reason })
  }
  /** Plans the end of a target, or keeps it: true. */
  function planTarget(target: PlanTarget): boolean {
    const { id: targetId } = target
    const end = (action: Extract<Action, { type: 'fail' | 'skip' }>): false => {
      actions.push(action)
      ended.add(targetId)
      if (action.type === 'fail') planned.failed++
      return false
    }
    if (target.state !== 'pending') {
      const verdict = planRunning(target, device, context, nowMs, wake)
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
      if (mayHoldIt && nowMs - device.lastSignMs < context.leaseMs) {
        wake(device.lastSignMs + context.leaseMs)
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
    const missing = target.missingDependency ?? target.needs.find(({ id }) => ended.has(id))?.name
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
    const unreachable = planUnreachable(target, device, deployment, nowMs, wake)
    if (unreachable?.type === 'fail') return end(unreachable)
    const heldTooLong = unreachable ? null : planHeld(target, device, deployment, nowMs, wake)
    if (heldTooLong) return end(heldTooLong)
    // The timeout for an answer applies only while the agent is connected, and starts again when it reconnects.
    if (!unreachable && isTooLate(target)) return end(notTaken(targetId))
    if (unreachable) wait(target, unreachable.reason)
    else if (target.installer.state === 'fetching') wait(target, null)
    else ready.push(target)
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
    const action = planSendCancel(target, device, context, nowMs, wake)
    if (action) actions.push(action)
  }
}
