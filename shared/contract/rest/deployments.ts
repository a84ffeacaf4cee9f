/** Deployments, their targets and attempts as the console reads them. */
import { z } from 'zod'
import { AnyParams, TextCode } from '../../domain/coded-texts/codes.ts'
import { DeploymentState } from '../../domain/deployment-state.ts'
import { DeploymentId, DeviceId, SoftwareId, TargetId, UserId } from '../../domain/ids.ts'
import { InstallerKind } from '../../domain/platforms.ts'
import { MaintenanceWindow } from '../../domain/maintenance-window.ts'
import { DeferReason, TargetReason } from '../../domain/reasons.ts'
import { Strategy, StrategyType } from '../../domain/strategy.ts'
import { TargetState } from '../../domain/target-state.ts'
import { RestartCounts, TargetRestart } from './restarts.ts'
import { Timestamp } from './common.ts'

const count = z.number().int().nonnegative()

/** Counts of targets by state; `total` is their sum. */
export const TargetTotals = z.object({
  total: count,
  pending: count,
  downloading: count,
  installing: count,
  completed: count,
  failed: count,
  skipped: count,
})
export type TargetTotals = z.infer<typeof TargetTotals>

/** Whether it installs or removes software. */
export const DeploymentAction = z.enum(['install', 'uninstall'])
export type DeploymentAction = z.infer<typeof DeploymentAction>

/** What paused it: a person, or the failures of a round that reached the threshold. */
export const PauseReason = z.enum(['person', 'failure_threshold'])
export type PauseReason = z.infer<typeof PauseReason>

export const Deployment = z.object({
  id: DeploymentId,
  name: z.string(),
  status: DeploymentState,
  paused: z.boolean(),
  pause_reason: PauseReason.nullable(),
  /** One sentence for people: "2 of 3 failed (67%); the failure threshold is 50%." */
  pause_message: z.string().nullable(),
  /** The same sentence as a code with parameters. Null in deployments of earlier versions. */
  pause_code: TextCode.nullable().default(null),
  pause_params: AnyParams.nullable().default(null),
  canceling: z.boolean(),
  action: DeploymentAction,
  strategy_type: StrategyType,
  strategy: Strategy,
  /** The current wave, from 1; 0 before the start. */
  wave: count,
  wave_count: count,
  /** Earliest start. */
  scheduled_at: Timestamp.nullable(),
  /** Not started yet: the PCs are chosen at the start. */
  targets_are_preview: z.boolean().default(false),
  maintenance_window: MaintenanceWindow.nullable(),
  offline_policy: z.enum(['fail', 'wait']),
  wait_minutes: count,
  /** Whether PCs that need it are restarted after their packages. */
  reboot: z.enum(['never', 'if_needed']),
  /** Notice for people at the PC before a restart. */
  reboot_delay_minutes: count,
  /** Whether the installation may remove or downgrade other software. */
  allow_removals: z.boolean(),
  /** A person cancelled all of its restarts. */
  restarts_canceled: z.boolean(),
  restarts: RestartCounts,
  created_by: UserId.nullable(),
  created_by_name: z.string().nullable(),
  created_at: Timestamp,
  started_at: Timestamp.nullable(),
  ended_at: Timestamp.nullable(),
  software_names: z.array(z.string()),
  device_count: count,
  counts: TargetTotals,
  success_rate: z.number().nullable(),
})
export type Deployment = z.infer<typeof Deployment>

export const Target = z.object({
  id: TargetId,
  device_id: DeviceId,
  device_name: z.string(),
  software_id: SoftwareId,
  software_name: z.string(),
  installer_kind: InstallerKind.nullable(),
  /** The action of its deployment. */
  action: DeploymentAction.default('install'),
  deployment_status: TargetState,
  reason: TargetReason.optional(),
  attempt: count,
  wave: count,
  exit_code: z.number().int().optional(),
  bytes: count.optional(),
  total_bytes: count.optional(),
  result_message: z.string().optional(),
  /** The same text as a code with parameters. Left out if an agent sent only text. */
  result_code: TextCode.optional(),
  result_params: AnyParams.optional(),
  /** Why it is deferred (`retry_later`), or was deferred for too long (`rejected_by_agent`). */
  held_by: DeferReason.optional(),
  error_details: z.string().optional(),
  started_at: Timestamp.optional(),
  completed_at: Timestamp.optional(),
  /** When the target entered its current state. */
  since: Timestamp,
  /** Present if its installer needs one and the deployment restarts PCs. */
  restart: TargetRestart.optional(),
})
export type Target = z.infer<typeof Target>

export const Progress = z.object({
  deployment_id: DeploymentId,
  status: DeploymentState,
  total_targets: count,
  completed: count,
  failed: count,
  skipped: count,
  success_rate: z.number().nullable(),
  targets: z.array(Target),
})
export type Progress = z.infer<typeof Progress>

export const TargetOutput = z.object({
  target_id: TargetId,
  attempt: z.number().int(),
  text: z.string(),
  /** Bytes dropped in the middle because the output exceeded the limit. */
  omitted_bytes: z.number().int(),
  /** Sequence number of the last piece in `text`; feed pieces up to it are already included. */
  last_seq: z.number().int(),
})
export type TargetOutput = z.infer<typeof TargetOutput>

/** One attempt of a target. A retry adds another; none is ever overwritten. */
export const Attempt = z.object({
  attempt: count,
  created_at: Timestamp,
  ended_at: Timestamp.nullable(),
  /** Null while it runs. */
  status: z.enum(['success', 'failed', 'skipped']).nullable(),
  reason: TargetReason.nullable(),
  message: z.string().nullable(),
  result_code: TextCode.nullable().default(null),
  result_params: AnyParams.nullable().default(null),
  exit_code: z.number().int().nullable(),
})
export type Attempt = z.infer<typeof Attempt>

export const PREFLIGHT_OUTCOMES = ['ready', 'will_wait', 'will_skip', 'will_fail'] as const
export const PreflightTarget = z.object({
  device_id: DeviceId,
  device_name: z.string(),
  /** Null for a package from a URL: it gets its id when the deployment is created. */
  software_id: SoftwareId.nullable(),
  software_name: z.string(),
  outcome: z.enum(PREFLIGHT_OUTCOMES),
  reason: TargetReason.nullable(),
  message: z.string(),
  /** The same text as a code with parameters. */
  code: TextCode.optional(),
  params: AnyParams.optional(),
  /** Why it waits (`retry_later`), as its agent reports it now. */
  held_by: DeferReason.optional(),
  size_bytes: count.nullable(),
  /** True: its agent was queried just now; false: based on stored data. */
  live: z.boolean(),
  /** Whether this deployment restarts the PC if an installer needs it. `impossible`: its agent cannot, see `restart_note`. */
  restart: z.enum(['never', 'may_follow', 'impossible']),
  restart_note: z.string().nullable(),
  /** The note as a code with parameters. */
  restart_note_code: TextCode.optional(),
  restart_note_params: AnyParams.optional(),
})
export type PreflightTarget = z.infer<typeof PreflightTarget>
export const Preflight = z.object({
  targets: z.array(PreflightTarget),
  /** The waves in order: number of devices, and the names of the first few. */
  waves: z.array(z.object({ wave: count, device_count: count, device_names: z.array(z.string()) })),
  device_count: count,
  software_count: count,
  total_bytes: count,
})
export type Preflight = z.infer<typeof Preflight>
