/** The rows of this slice's tables and what may change in them. Types only, for every folder of the slice. */
import type {
  AttemptId,
  DeploymentId,
  DeviceId,
  InstallerId,
  SoftwareId,
  TargetId,
} from '#shared/domain/ids.ts'
import type { TargetCounts } from '#shared/domain/deployment-state.ts'
import type { DeferReason, TargetReason } from '#shared/domain/reasons.ts'
import type { TargetState } from '#shared/domain/target-state.ts'
import type {
  deploymentAttempts,
  deployments,
  deploymentTargets,
  installers,
} from '../../../store/schema/index.ts'

export type DeploymentRow = typeof deployments.$inferSelect
/** What may change besides the state. The counters follow the targets. */
export type DeploymentChange = Partial<Omit<DeploymentRow, 'id' | 'status' | keyof TargetCounts>>
export type TargetRow = typeof deploymentTargets.$inferSelect
export type InstallerRow = typeof installers.$inferSelect
export type NewTarget = {
  device_id: DeviceId
  software_id: SoftwareId
  installer_id: InstallerId | null
  position: number
  wave: number
}
/** What may change besides the state. */
export type TargetChange = Partial<
  Omit<TargetRow, 'id' | 'deployment_id' | 'device_id' | 'software_id' | 'deployment_status'>
>
/** What the engine keeps of a target in memory. */
export type OpenTargetRow = {
  id: TargetId
  deployment_id: DeploymentId
  device_id: DeviceId
  software_id: SoftwareId
  installer_id: InstallerId | null
  position: number
  wave: number
  state: TargetState
  reason: TargetReason | null
  since: string
  attempt: number
  attempt_id: AttemptId | null
  offered_at_ms: number | null
  not_before_ms: number | null
  deadline_ms: number | null
  held_by: DeferReason | null
  held_since_ms: number | null
}
export type AttemptRow = typeof deploymentAttempts.$inferSelect
export type AttemptOutputChange = Partial<
  Pick<
    AttemptRow,
    | 'output_head_bytes'
    | 'output_tail_bytes'
    | 'output_omitted_bytes'
    | 'output_last_seq'
    | 'output_held'
  >
>
/** The columns of an attempt and of its target that a report needs. */
export type ReportedAttempt = {
  attempt_id: AttemptId
  attempt: number
  target_id: TargetId
  attempt_ended_at: string | null
  attempt_reason: TargetReason | null
}
export type ReportedTarget = Pick<
  TargetRow,
  | 'id'
  | 'deployment_id'
  | 'device_id'
  | 'installer_id'
  | 'deployment_status'
  | 'reason'
  | 'started_at'
  | 'retry_until_ms'
  | 'held_since_ms'
> & { live_attempt_id: AttemptId | null; live_attempt: number }
export type ReportedRow = ReportedAttempt & ReportedTarget
