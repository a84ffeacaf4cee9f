/**
 * Decides the next step of one restart: a pure function of the restart, its deployment, its device and the clock. Only the
 * boot id proves that a PC restarted: it differs from the boot in which the restart became pending.
 */
import type { BootId, RestartAbility } from '#shared/contract/agent/restart.ts'
import type { DeploymentState } from '#shared/domain/deployment-state.ts'
import {
  windowAt,
  windowMinutes,
  type MaintenanceWindow,
} from '#shared/domain/maintenance-window.ts'
import type { OpenRestartState, RestartEvent } from '#shared/domain/restart-state.ts'
import type { Reachability } from '../../devices/index.ts'
import type { EngineTimings } from '../timings.ts'

export type RestartWait =
  | 'paused'
  | 'waiting_for_window'
  | 'waiting_for_device'
  | 'connecting'
  | 'device_busy'
  | 'retry_later'

export type PlanRestart = {
  state: OpenRestartState
  reason: RestartWait | null
  /** Why its order is being withdrawn, if it is. */
  withdrawalReason: 'canceled' | 'overdue' | null
  /** The boot that the restart is to end; null: not known yet. */
  bootId: BootId | null
  createdAtMs: number
  readySinceMs: number | null
  notBeforeMs: number | null
  orderedAtMs: number | null
  dueAtMs: number | null
  /** When the agent was last sent what this state requires; null: never, or not over its current link. */
  askedAtMs: number | null
}
export type PlanRestartDeployment = {
  status: DeploymentState
  reboot: 'never' | 'if_needed'
  canceling: boolean
  paused: boolean
  restartsCanceled: boolean
  window: MaintenanceWindow | null
  offlinePolicy: 'fail' | 'wait'
  waitMs: number
  delayMs: number
}
export type PlanRestartDevice = {
  name: string
  refused: boolean
  reachability: Reachability
  /** What its agent last reported; `too_old`: it does not support restarts; null: not connected yet. */
  ability: RestartAbility | 'too_old' | null
  /** A target of any deployment is running on it. */
  works: boolean
  /** A target of this deployment on it has not ended. */
  isAwaited: boolean
  /** Another restart of this device is ordered or announced. */
  restartsElsewhere: boolean
}
export type RestartSnapshot = {
  restart: PlanRestart
  deployment: PlanRestartDeployment
  device: PlanRestartDevice
}
type EndEvent = Exclude<RestartEvent, 'ordered' | 'put_off' | 'announced'>
export type RestartAction =
  | { type: 'wait'; reason: RestartWait }
  /** The boot to end is known now. */
  | { type: 'note_boot'; bootId: BootId }
  /** Its timeout counts from here. */
  | { type: 'note_ready' }
  /** Store the order, then send it. */
  | { type: 'order' }
  /** Send the agent what this state requires: the order, or its withdrawal. */
  | { type: 'send' }
  | { type: 'withdraw'; why: 'canceled' | 'overdue' }
  | { type: 'end'; event: EndEvent; message: string }

const hours = (ms: number): string => {
  const n = Math.round(ms / 3_600_000)
  return n === 1 ? '1 hour' : `${n} hours`
}

/** The restart is no longer wanted. */
export const isUnwanted = (deployment: PlanRestartDeployment): boolean =>
  deployment.reboot === 'never' ||
  deployment.canceling ||
  deployment.status === 'canceled' ||
  deployment.restartsCanceled

/** Why the deployment itself defers a restart. The notice must also end within the window. */
function holdOf(
  { paused, window, delayMs }: PlanRestartDeployment,
  nowMs: number,
): 'paused' | 'waiting_for_window' | null {
  if (paused) return 'paused'
  if (!window) return null
  const { isOpen, changesAtMs } = windowAt(window, nowMs)
  const isLongEnough = windowMinutes(window) * 60_000 > delayMs
  return isOpen && (!isLongEnough || nowMs + delayMs < changesAtMs) ? null : 'waiting_for_window'
}

function planOwed(
  { restart, deployment, device }: RestartSnapshot,
  nowMs: number,
  timings: EngineTimings,
): RestartAction | null {
  const { name, ability } = device
  const end = (event: EndEvent, message: string) => ({ type: 'end', event, message }) as const
  if (isUnwanted(deployment)) return end('canceled', 'Cancelled before it was ordered.')
  if (device.refused) return end('gave_up', `${name} was removed or blocked before it was ordered.`)
  if (ability === 'too_old')
    return end('impossible', `The agent on ${name} is too old to restart its PC. Update the agent.`)
  if (ability && !ability.possible) return end('impossible', ability.why)
  if (ability && restart.bootId === null) return { type: 'note_boot', bootId: ability.boot_id }
  if (nowMs >= restart.createdAtMs + timings.restartLimitMs)
    return end(
      'gave_up',
      `The restart could not be ordered within ${hours(timings.restartLimitMs)}.`,
    )

  const wait = (reason: RestartWait): RestartAction | null =>
    restart.reason === reason ? null : { type: 'wait', reason }
  const hold = holdOf(deployment, nowMs)
  if (hold) return wait(hold)
  if (restart.readySinceMs === null) return { type: 'note_ready' }
  const readyLimitMs = Math.max(
    timings.restartReadyLimitMs,
    deployment.offlinePolicy === 'wait' ? deployment.waitMs : 0,
  )
  if (nowMs >= restart.readySinceMs + readyLimitMs)
    return end('gave_up', `${name} was away or at work for ${hours(readyLimitMs)}.`)
  if (device.reachability !== 'online')
    return wait(device.reachability === 'connecting' ? 'connecting' : 'waiting_for_device')
  if (device.isAwaited || device.works || device.restartsElsewhere) return wait('device_busy')
  if (restart.notBeforeMs !== null && nowMs < restart.notBeforeMs) return wait('retry_later')
  // Without a boot id the order could be carried out twice.
  return restart.bootId === null ? wait('connecting') : { type: 'order' }
}

function planOrdered(
  { restart, deployment, device }: RestartSnapshot,
  nowMs: number,
  timings: EngineTimings,
): RestartAction | null {
  const { name } = device
  const end = (event: EndEvent, message: string) => ({ type: 'end', event, message }) as const
  if (device.refused)
    return end(
      'gave_up',
      `${name} was removed or blocked after its restart was ordered, so it is unknown whether it restarts.`,
    )
  const isOnline = device.reachability === 'online'
  const dueMs = restart.dueAtMs ?? (restart.orderedAtMs ?? restart.createdAtMs) + deployment.delayMs
  if (nowMs >= dueMs + timings.restartReturnMs)
    return end('gave_up', `${name} has not reconnected for ${hours(timings.restartReturnMs)}.`)
  if (restart.withdrawalReason === null) {
    if (isUnwanted(deployment)) return { type: 'withdraw', why: 'canceled' }
    // Withdraw the overdue restart before the PC gets other work, so that it cannot happen later.
    if (isOnline && nowMs >= dueMs + timings.restartOverdueMs)
      return { type: 'withdraw', why: 'overdue' }
  } else if (isOnline && nowMs >= dueMs + timings.restartSilentMs)
    return end('gave_up', `The agent on ${name} did not confirm that its restart is withdrawn.`)
  if (restart.state === 'announced' && restart.withdrawalReason === null) return null
  if (!isOnline) return null
  return restart.askedAtMs === null || nowMs >= restart.askedAtMs + timings.restartAgainMs
    ? { type: 'send' }
    : null
}

/** Pure. At most one action at a time; the next one is planned after it is stored. */
export function planRestart(
  snapshot: RestartSnapshot,
  nowMs: number,
  timings: EngineTimings,
): RestartAction | null {
  const { restart, device } = snapshot
  const boot =
    typeof device.ability === 'object' && device.ability?.possible ? device.ability.boot_id : null
  if (boot !== null && restart.bootId !== null && boot !== restart.bootId)
    return {
      type: 'end',
      event: 'restarted',
      message:
        restart.state === 'owed'
          ? 'It restarted by itself, or somebody restarted it.'
          : 'Restarted after its notice.',
    }
  return restart.state === 'owed'
    ? planOwed(snapshot, nowMs, timings)
    : planOrdered(snapshot, nowMs, timings)
}

/** Whether a PC that is being restarted must not get other work yet. An absent PC stays busy only for a while. Pure. */
export const keepsBusy = (
  restart: Pick<PlanRestart, 'state' | 'dueAtMs'>,
  isOnline: boolean,
  nowMs: number,
  timings: EngineTimings,
): boolean =>
  restart.state !== 'owed' &&
  (isOnline || restart.dueAtMs === null || nowMs < restart.dueAtMs + timings.restartBusyForMs)
