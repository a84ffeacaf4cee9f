/**
 * Decides the next step of one restart: a pure function of the restart, its deployment, its device and the clock. Only the
 * boot id proves that a PC restarted: it differs from the boot in which the restart became pending.
 */
import { coded, type CodedText } from '#shared/domain/coded-texts/codes.ts'
import type { BootId, RestartAbility } from '#shared/contract/agent/restart.ts'
import type { DeploymentState } from '#shared/domain/deployment-state.ts'
import {
  windowAt,
  windowMinutes,
  type MaintenanceWindow,
} from '#shared/domain/maintenance-window.ts'
import type { OpenRestartState, RestartEvent } from '#shared/domain/restart-state.ts'
import { noteOf, reportedNote, type Note } from '../../../base/coded-note.ts'
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
  | { type: 'end'; event: EndEvent; note: Note }

const hours = (ms: number): number => Math.round(ms / 3_600_000)
const end = (event: EndEvent, text: CodedText): RestartAction => ({
  type: 'end',
  event,
  note: noteOf(text),
})

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

function planPending(
  { restart, deployment, device }: RestartSnapshot,
  nowMs: number,
  timings: EngineTimings,
): RestartAction | null {
  const { name, ability } = device
  if (isUnwanted(deployment)) return end('canceled', coded('restart_canceled', {}))
  if (device.refused) return end('gave_up', coded('restart_device_gone', { device: name }))
  if (ability === 'too_old')
    return end('impossible', coded('restart_agent_too_old', { device: name }))
  if (ability && !ability.possible)
    return {
      type: 'end',
      event: 'impossible',
      note: reportedNote({ ...ability, message: ability.why }),
    }
  if (ability && restart.bootId === null) return { type: 'note_boot', bootId: ability.boot_id }
  if (nowMs >= restart.createdAtMs + timings.restartLimitMs)
    return end(
      'gave_up',
      coded('restart_not_ordered_in_time', { n: hours(timings.restartLimitMs) }),
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
    return end('gave_up', coded('restart_device_away', { device: name, n: hours(readyLimitMs) }))
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
  if (device.refused)
    return end('gave_up', coded('restart_device_gone_meanwhile', { device: name }))
  const isOnline = device.reachability === 'online'
  const dueMs = restart.dueAtMs ?? (restart.orderedAtMs ?? restart.createdAtMs) + deployment.delayMs
  if (nowMs >= dueMs + timings.restartReturnMs)
    return end(
      'gave_up',
      coded('restart_device_not_back', { device: name, n: hours(timings.restartReturnMs) }),
    )
  if (restart.withdrawalReason === null) {
    if (isUnwanted(deployment)) return { type: 'withdraw', why: 'canceled' }
    // Withdraw the overdue restart before the PC gets other work, so that it cannot happen later.
    if (isOnline && nowMs >= dueMs + timings.restartOverdueMs)
      return { type: 'withdraw', why: 'overdue' }
  } else if (isOnline && nowMs >= dueMs + timings.restartSilentMs)
    return end('gave_up', coded('restart_not_confirmed', { device: name }))
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
    return end(
      'restarted',
      coded(restart.state === 'owed' ? 'restarted_by_itself' : 'restart_done', {}),
    )
  return restart.state === 'owed'
    ? planPending(snapshot, nowMs, timings)
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
