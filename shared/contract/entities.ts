/** What the console sees of the controller's things. snake_case on the wire, times UTC ISO 8601, sizes in bytes. */
import { z } from 'zod'
import { ArchiveCommand } from '../domain/archives.ts'
import { DeploymentState } from '../domain/deployment-state.ts'
import {
  DeploymentId,
  DeviceId,
  EnrollmentId,
  Fingerprint,
  GroupId,
  InstallerId,
  SessionId,
  Sha256,
  SoftwareId,
  TargetId,
  UserId,
} from '../domain/ids.ts'
import { InstallerTechnology } from '../domain/installer-technology.ts'
import { DeviceArch, DevicePlatform, InstallerArch, InstallerKind } from '../domain/platforms.ts'
import { MaintenanceWindow } from '../domain/maintenance-window.ts'
import { HeldBy, TargetReason } from '../domain/reasons.ts'
import { Strategy, StrategyType } from '../domain/strategy.ts'
import { TargetState } from '../domain/target-state.ts'
import { Detection } from './detection.ts'
import { RestartCounts, TargetRestart } from './restarts.ts'

export const Timestamp = z.iso.datetime()
const count = z.number().int().nonnegative()

export const Role = z.enum(['admin', 'technician'])
export type Role = z.infer<typeof Role>
export const User = z.object({
  id: UserId,
  username: z.string(),
  role: Role,
  created_at: Timestamp,
  /** He may not sign in, and what he was signed in with has ended. */
  disabled: z.boolean(),
  /** Somebody else chose the password: until he has chosen one, nothing else is answered. */
  must_change_password: z.boolean(),
  last_login_at: Timestamp.nullable(),
  /** Consoles and scripts that are signed in as him now. */
  session_count: count,
})
export type User = z.infer<typeof User>

/** One sign-in that has not ended. */
export const OwnSession = z.object({
  id: SessionId,
  created_at: Timestamp,
  /** To the minute. */
  last_used_at: Timestamp,
  expires_at: Timestamp,
  address: z.string().nullable(),
  /** What the program calls itself (User-Agent). */
  client: z.string().nullable(),
  /** The one that asks. */
  current: z.boolean(),
})
export type OwnSession = z.infer<typeof OwnSession>

/** What is a user's own: it goes to nobody, or to another, when he is removed. */
export const Holdings = z.object({
  devices: count,
  groups: count,
  software: count,
  deployments: count,
  /** Of the deployments: those that have not ended. They go on. */
  active_deployments: count,
  /** Codes that still admit PCs. */
  enrollments: count,
})
export type Holdings = z.infer<typeof Holdings>

/** A PC that asks to be enrolled without a code and waits for people at both ends to compare digits. */
export const DevicePairing = z.object({
  digits: z.string().regex(/^\d{6}$/),
  expires_at: Timestamp,
  /** Somebody has approved it in the console. */
  approved: z.boolean(),
  /** The person at the PC has said that the digits are the same. */
  confirmed: z.boolean(),
})
export type DevicePairing = z.infer<typeof DevicePairing>

/** A newer agent for a PC, and how far it has come there. */
export const AgentUpdate = z.object({
  version: z.string(),
  /** `unsupported`: this agent cannot update itself; the message tells why, and that of `failed` what happened. */
  state: z.enum(['available', 'updating', 'failed', 'unsupported']),
  message: z.string(),
})
export type AgentUpdate = z.infer<typeof AgentUpdate>

export const Device = z.object({
  id: DeviceId,
  name: z.string(),
  platform: DevicePlatform,
  arch: DeviceArch,
  os_version: z.string(),
  online: z.boolean(),
  approved: z.boolean(),
  blocked: z.boolean(),
  /** Null unless it is being enrolled by comparing digits just now. */
  pairing: DevicePairing.nullable(),
  owner_id: UserId.nullable(),
  agent_version: z.string(),
  /** Null: it is as new as the ones that this controller hands out. */
  agent_update: AgentUpdate.nullable(),
  address: z.string().nullable(),
  enrolled_at: Timestamp,
  last_seen_at: Timestamp.nullable(),
  free_disk_bytes: count.nullable(),
  /** It owes a restart. Null: its agent has not told, or cannot. */
  reboot_pending: z.boolean().nullable(),
  /** When its inventory was told anew (see DeviceInventory); null: not yet. */
  inventory_at: Timestamp.nullable(),
  group_ids: z.array(GroupId),
  /** It carried that device's identity (its disk is a copy of that PC's) until it was given one of its own. */
  split_from: DeviceId.nullable(),
})
export type Device = z.infer<typeof Device>

export const Group = z.object({
  id: GroupId,
  name: z.string(),
  device_ids: z.array(DeviceId),
  owner_id: UserId.nullable(),
  created_at: Timestamp,
})
export type Group = z.infer<typeof Group>

/** An archive: what of it is run, and what else could be. */
export const InstallerArchive = ArchiveCommand.extend({ choices: z.array(z.string()) })
export type InstallerArchive = z.infer<typeof InstallerArchive>

export const Installer = z.object({
  id: InstallerId,
  platform: DevicePlatform,
  arch: InstallerArch,
  kind: InstallerKind,
  /** Null for every kind but archives. */
  archive: InstallerArchive.nullable(),
  file_name: z.string(),
  size_bytes: count.nullable(),
  sha256: Sha256.nullable(),
  install_args: z.string(),
  timeout_seconds: count,
  success_exit_codes: z.array(z.number().int()),
  detection: Detection.nullable(),
  /** Its file is not in the controller's data folder: nothing is deployed of it until the same file is uploaded again. */
  file_missing: z.boolean(),
  /** Windows programs: the tool that made it, where that could be told. */
  technology: InstallerTechnology.nullable(),
})
export type Installer = z.infer<typeof Installer>

export const Software = z.object({
  id: SoftwareId,
  name: z.string(),
  version: z.string(),
  publisher: z.string(),
  origin: z.enum(['library', 'custom']),
  owner_id: UserId.nullable(),
  created_at: Timestamp,
  /** Software that must be there first: it is installed before this one, and its failure fails this one. */
  depends_on: z.array(SoftwareId),
  installers: z.array(Installer),
})
export type Software = z.infer<typeof Software>

export const Enrollment = z.object({
  id: EnrollmentId,
  max_uses: count,
  uses: count,
  expires_at: Timestamp,
  created_at: Timestamp,
  group_ids: z.array(GroupId),
  revoked: z.boolean(),
})
export type Enrollment = z.infer<typeof Enrollment>

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

/** Whether it puts software onto PCs or takes it off them. */
export const DeploymentAction = z.enum(['install', 'uninstall'])
export type DeploymentAction = z.infer<typeof DeploymentAction>

/** Who or what paused it: a person, or the failures of a round that reached the limit. */
export const PauseReason = z.enum(['person', 'failure_threshold'])
export type PauseReason = z.infer<typeof PauseReason>

export const Deployment = z.object({
  id: DeploymentId,
  name: z.string(),
  status: DeploymentState,
  paused: z.boolean(),
  pause_reason: PauseReason.nullable(),
  /** One sentence for people: "2 of 3 devices failed (67 %), the limit is 50 %." */
  pause_message: z.string().nullable(),
  canceling: z.boolean(),
  action: DeploymentAction,
  strategy_type: StrategyType,
  strategy: Strategy,
  /** The wave that runs, from 1; 0 before the start. */
  wave: count,
  wave_count: count,
  /** Earliest start. */
  scheduled_at: Timestamp.nullable(),
  maintenance_window: MaintenanceWindow.nullable(),
  offline_policy: z.enum(['fail', 'wait']),
  wait_minutes: count,
  /** Whether PCs that need it are restarted once their packages are in. */
  reboot: z.enum(['never', 'if_needed']),
  /** The notice that people at the PC get. */
  reboot_delay_minutes: count,
  /** A person called all of its restarts off. */
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
  /** As of its deployment. */
  action: DeploymentAction.default('install'),
  deployment_status: TargetState,
  reason: TargetReason.optional(),
  attempt: count,
  wave: count,
  exit_code: z.number().int().optional(),
  bytes: count.optional(),
  total_bytes: count.optional(),
  result_message: z.string().optional(),
  /** What holds it back (`retry_later`), or held it back for too long (`rejected_by_agent`). */
  held_by: HeldBy.optional(),
  error_details: z.string().optional(),
  started_at: Timestamp.optional(),
  completed_at: Timestamp.optional(),
  /** When the target entered its present state. */
  since: Timestamp,
  /** Where its installer asked for one and the deployment restarts PCs. */
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
  /** Bytes left out in the middle because the output was larger than is kept. */
  omitted_bytes: z.number().int(),
  /** Sequence number of the last piece in `text`; pieces on the feed that are not above it are already in. */
  last_seq: z.number().int(),
})
export type TargetOutput = z.infer<typeof TargetOutput>

/** One try of a target, as it was recorded. A retry adds another; none is ever overwritten. */
export const Attempt = z.object({
  attempt: count,
  created_at: Timestamp,
  ended_at: Timestamp.nullable(),
  /** Null while it runs. */
  status: z.enum(['success', 'failed', 'skipped']).nullable(),
  reason: TargetReason.nullable(),
  message: z.string().nullable(),
  exit_code: z.number().int().nullable(),
})
export type Attempt = z.infer<typeof Attempt>

export const PREFLIGHT_OUTCOMES = ['ready', 'will_wait', 'will_skip', 'will_fail'] as const
export const PreflightTarget = z.object({
  device_id: DeviceId,
  device_name: z.string(),
  /** Null for a package that is fetched from a URL: it gets its id when the deployment is created. */
  software_id: SoftwareId.nullable(),
  software_name: z.string(),
  outcome: z.enum(PREFLIGHT_OUTCOMES),
  reason: TargetReason.nullable(),
  message: z.string(),
  /** Why it waits (`retry_later`): what its agent sees of the PC at this moment. */
  held_by: HeldBy.optional(),
  size_bytes: count.nullable(),
  /** Its agent was asked just now; false: judged by what was known of it. */
  live: z.boolean(),
  /** Whether this deployment restarts the PC should an installer ask for it. `impossible`: its agent cannot, `restart_note` says why. */
  restart: z.enum(['never', 'may_follow', 'impossible']),
  restart_note: z.string().nullable(),
})
export type PreflightTarget = z.infer<typeof PreflightTarget>
export const Preflight = z.object({
  targets: z.array(PreflightTarget),
  /** Who comes first: devices per wave, in order, with the names of the first few. */
  waves: z.array(z.object({ wave: count, device_count: count, device_names: z.array(z.string()) })),
  device_count: count,
  software_count: count,
  total_bytes: count,
})
export type Preflight = z.infer<typeof Preflight>

export const AuditOutcome = z.enum(['done', 'refused', 'failed'])
export type AuditOutcome = z.infer<typeof AuditOutcome>
export const AuditEntry = z.object({
  id: count,
  at: Timestamp,
  actor: z.string(),
  action: z.string(),
  subject: z.string(),
  details: z.string(),
  /** Where the request came from; null: the controller itself, or an entry of an older version. */
  address: z.string().nullable(),
  /** Null: an entry of an older version. */
  outcome: AuditOutcome.nullable(),
  device_id: DeviceId.nullable(),
  deployment_id: DeploymentId.nullable(),
  /** What programs read of it: devices, packages with their hashes and arguments, counts. Its keys depend on the action. */
  data: z.record(z.string(), z.unknown()).nullable(),
  hash: z.string().nullable(),
})
export type AuditEntry = z.infer<typeof AuditEntry>

/** Whether the whole trail hangs together, and its signed ends are genuine. */
export const AuditProof = z.object({
  whole: z.boolean(),
  checked_at: Timestamp,
  entries: count,
  /** Written by a version that did not chain them: nothing is known of these. */
  unchained: count,
  signed_ends: count,
  signed_up_to: count.nullable(),
  /** The first of them, as sentences. */
  problems: z.array(z.string()),
  problem_count: count,
  /** The key that signs the ends: SHA-256 over its SPKI, as agents know it. */
  key_fingerprint: z.string(),
})
export type AuditProof = z.infer<typeof AuditProof>

/** The hub's pulse: shown at the sidebar's foot at all times. */
export const HubStatus = z.object({
  listening: z.boolean(),
  port: count,
  addresses: z.array(z.string()),
  fingerprint: Fingerprint,
  online_agents: count,
  total_devices: count,
})
export type HubStatus = z.infer<typeof HubStatus>

export const Stats = z.object({
  devices: z.object({ total: count, online: count, unapproved: count }),
  software: count,
  deployments: z.object({
    total: count,
    active: count,
    completed: count,
    failed: count,
    partial: count,
    canceled: count,
  }),
  /** Targets that ended within the last seven days. */
  last_7_days: z.object({ completed: count, failed: count, skipped: count }),
})
export type Stats = z.infer<typeof Stats>
