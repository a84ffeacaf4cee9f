/** Input and output of `plan()`. Times are epoch milliseconds. */
import type { CodedText } from '#shared/domain/coded-texts/codes.ts'
import type { DeploymentState } from '#shared/domain/deployment-state.ts'
import type { DeviceId, TargetId } from '#shared/domain/ids.ts'
import type { MaintenanceWindow } from '#shared/domain/maintenance-window.ts'
import type {
  FailureReason,
  DeferReason,
  SkipReason,
  TargetReason,
} from '#shared/domain/reasons.ts'
import type { OpenTargetState } from '#shared/domain/target-state.ts'
import type { Reachability } from '../../devices/index.ts'

export type PlanDeployment = {
  status: DeploymentState
  paused: boolean
  canceling: boolean
  maxConcurrent: number
  offlinePolicy: 'fail' | 'wait'
  waitMs: number
  /** The current wave, from 1; 0 before the start. */
  wave: number
  /** When the current wave had nothing left to run; null while it has, or when no wave follows. */
  waveEndedAtMs: number | null
  restBetweenWavesMs: number
  /** Pause when the failures of this round reach this. */
  threshold: { percent: number; minExecuted: number } | null
  /** Ended targets since the start or the last resume. */
  round: { completed: number; failed: number }
  /** Since when targets may start; the wait for a device counts from here. */
  readySinceMs: number | null
  scheduledAtMs: number | null
  window: MaintenanceWindow | null
}

/** State of the package. `fetching`: the controller is still downloading it. */
export type PlanInstaller =
  | { state: 'none' }
  | { state: 'fetching' }
  | { state: 'failed'; reason: FailureReason; text: CodedText }
  | { state: 'ready' }

export type PlanTarget = {
  id: TargetId
  deviceId: DeviceId
  /** Order of the packages on one device, from 0. */
  position: number
  wave: number
  state: OpenTargetState
  reason: TargetReason | null
  /** When it entered this state. */
  sinceMs: number
  /** When the attempt was sent, as long as no answer has come. */
  offeredAtMs: number | null
  /** The attempt was sent at least once, so the agent may have it. */
  offeredBefore: boolean
  notBeforeMs: number | null
  deadlineMs: number | null
  /** Which condition on its PC keeps it from working, and since when. */
  held: { by: DeferReason; sinceMs: number } | null
  /** When the agent was last asked to stop. */
  cancelSentAtMs: number | null
  installer: PlanInstaller
  /** Name of software in this deployment that this target depends on and that was not installed on the device. */
  missingDependency: string | null
  /** Targets of the same device that this one depends on and that are still open. */
  needs: readonly { id: TargetId; name: string }[]
}

export type PlanDevice = {
  name: string
  reachability: Reachability
  /** When it counts as offline if it has not connected by then. */
  offlineAtMs: number
  /** When the device was last seen. */
  lastSignMs: number
  /** Another deployment is working on it. */
  busyElsewhere: boolean
  /** It is about to restart for a deployment, or is restarting: offline for now, but expected back. */
  isRestarting: boolean
  /** Forgotten, blocked or not approved: nothing is sent to it. */
  refused: boolean
}

export type PlanSettings = {
  deployment: PlanDeployment
  leaseMs: number
  /** Repeat an unanswered request to stop after this long. */
  cancelAgainMs: number
}
export type Snapshot = PlanSettings & {
  /** Targets that have not ended. */
  targets: Iterable<PlanTarget>
  devices: ReadonlyMap<DeviceId, PlanDevice>
}
/** A snapshot of which only the needed devices are read. */
export type PlanInput = PlanSettings & {
  /** Targets that have not ended, packages in their order. */
  targets: ReadonlyMap<DeviceId, readonly PlanTarget[]>
  devices: { get: (id: DeviceId) => PlanDevice | undefined }
}

export type Action =
  | { type: 'start' }
  | { type: 'offer'; targetId: TargetId }
  /** It stays pending, for this reason. */
  | { type: 'wait'; targetId: TargetId; reason: TargetReason | null }
  | { type: 'fail'; targetId: TargetId; reason: FailureReason; text: CodedText }
  | { type: 'skip'; targetId: TargetId; reason: SkipReason; text: CodedText }
  /** Back to pending under the same attempt: the lease was lost before the installer started. */
  | { type: 'requeue'; targetId: TargetId; reason: TargetReason }
  /** Ask the agent to stop; its result says what happened. */
  | { type: 'send_cancel'; targetId: TargetId }
  /** Nothing of the current wave is left to run; the rest period before the next wave begins. */
  | { type: 'end_wave' }
  | { type: 'open_wave'; wave: number }
  | { type: 'pause'; text: CodedText }
  | { type: 'conclude' }

export type Plan = {
  actions: Action[]
  /** The next moment at which the passing of time alone changes the plan; null: only events can. */
  wakeAtMs: number | null
  /** The action limit was reached: plan again once these are committed. */
  more: boolean
}
