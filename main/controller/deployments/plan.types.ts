/** What `plan()` is given and what it answers. Times are epoch ms. */
import type { DeploymentState } from '#shared/domain/deployment-state.ts'
import type { DeviceId, TargetId } from '#shared/domain/ids.ts'
import type { MaintenanceWindow } from '#shared/domain/maintenance-window.ts'
import type { FailureReason, HeldBy, SkipReason, TargetReason } from '#shared/domain/reasons.ts'
import type { Reachability } from '../devices/index.ts'

export type PlanDeployment = {
  status: DeploymentState
  paused: boolean
  canceling: boolean
  maxConcurrent: number
  offlinePolicy: 'fail' | 'wait'
  waitMs: number
  /** The wave that runs, from 1; 0 before the start. */
  wave: number
  /** When the present wave had nothing left to run; null while it has, or where no wave follows. */
  waveEndedAtMs: number | null
  restBetweenWavesMs: number
  /** Pause when the failures of this round reach it. */
  threshold: { percent: number; minExecuted: number } | null
  /** Ended targets since the start or the last resume. */
  round: { completed: number; failed: number }
  /** Since when targets may start: waiting for a device is counted from here. */
  readySinceMs: number | null
  scheduledAtMs: number | null
  window: MaintenanceWindow | null
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
  wave: number
  state: 'pending' | 'downloading' | 'installing'
  reason: TargetReason | null
  /** When it entered this state. */
  sinceMs: number
  /** The attempt was sent and no answer has come yet. */
  offeredAtMs: number | null
  /** The attempt was sent at least once: the agent may hold it. */
  offeredBefore: boolean
  notBeforeMs: number | null
  deadlineMs: number | null
  /** What its PC said holds it back from work, and since when. */
  held: { by: HeldBy; sinceMs: number } | null
  /** When the agent was last asked to stop. */
  cancelToldAtMs: number | null
  installer: PlanInstaller
  /** Software of the same deployment that this one needs and that did not get onto the device: its name. */
  missingDependency: string | null
  /** Targets of the same device that come before this one and must not fail. */
  needs: readonly { id: TargetId; name: string }[]
}

export type PlanDevice = {
  name: string
  reachability: Reachability
  /** From when it counts as offline, if no link comes. */
  offlineAtMs: number
  /** The last sign of life. */
  lastSignMs: number
  /** Another deployment is at work on it. */
  busyElsewhere: boolean
  /** It is about to restart for a deployment, or is at it: it is not there, and comes back. */
  isRestarting: boolean
  /** Forgotten, blocked or not approved: nothing is sent to it. */
  refused: boolean
}

export type Snapshot = {
  deployment: PlanDeployment
  /** Targets that have not ended. */
  targets: Iterable<PlanTarget>
  devices: ReadonlyMap<DeviceId, PlanDevice>
  leaseMs: number
  /** An agent that was asked to stop is asked again after. */
  cancelAgainMs: number
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
  /** Nothing of the present wave is left to run; the rest before the next one begins. */
  | { type: 'end_wave' }
  | { type: 'open_wave'; wave: number }
  | { type: 'pause'; message: string }
  | { type: 'conclude' }

export type Plan = {
  actions: Action[]
  /** The next moment at which time alone changes the answer; null = only events can. */
  wakeAtMs: number | null
  /** The limit of actions was reached: plan again once these are committed. */
  more: boolean
}
