/** The live feed of open consoles: namespace `/console`, JWT in the handshake's `auth.token`. Users receive only what they may see. */
import { z } from 'zod'
import { AnyParams, TextCode } from '../domain/coded-texts/codes.ts'
import {
  DeploymentId,
  DeviceId,
  EnrollmentId,
  GroupId,
  SoftwareId,
  TargetId,
  UserId,
} from '../domain/ids.ts'
import { Deployment, DeploymentAction, Target, TargetTotals } from './rest/deployments.ts'
import { Timestamp } from './rest/common.ts'
import { Device, Enrollment } from './rest/devices.ts'
import { Group } from './rest/groups.ts'
import { HubStatus } from './rest/hub.ts'
import { Software } from './rest/software.ts'
import { User } from './rest/users.ts'
import { StoredSettings } from './rest/settings-routes.ts'

export const CONSOLE_NAMESPACE = '/console'

export const DeploymentCompleted = z.object({
  deployment_id: DeploymentId,
  deployment_name: z.string(),
  action: DeploymentAction.default('install'),
  status: z.enum(['completed', 'failed', 'partial', 'canceled']),
  success_count: z.number().int(),
  failure_count: z.number().int(),
  skipped_count: z.number().int(),
  total_count: z.number().int(),
  created_at: Timestamp,
  ended_at: Timestamp,
})
export type DeploymentCompleted = z.infer<typeof DeploymentCompleted>

/** Its failures reached the threshold: nothing new starts until a person decides. */
export const DeploymentPaused = z.object({
  deployment_id: DeploymentId,
  deployment_name: z.string(),
  action: DeploymentAction.default('install'),
  /** One sentence: "2 of 3 failed (67%); the failure threshold is 50%." */
  message: z.string(),
  code: TextCode.optional(),
  params: AnyParams.optional(),
  failure_count: z.number().int(),
  total_count: z.number().int(),
  paused_at: Timestamp,
})
export type DeploymentPaused = z.infer<typeof DeploymentPaused>

/** At most ten a second per deployment; each target's latest state only. */
export const TargetsUpdated = z.object({
  deployment_id: DeploymentId,
  counts: TargetTotals,
  targets: z.array(Target),
})
export type TargetsUpdated = z.infer<typeof TargetsUpdated>

export const TargetOutputPiece = z.object({
  deployment_id: DeploymentId,
  target_id: TargetId,
  attempt: z.number().int(),
  seq: z.number().int(),
  text: z.string(),
})
export type TargetOutputPiece = z.infer<typeof TargetOutputPiece>

/** Every device that changed since the last event, up to 500; further ones follow in the next event. */
export const DeviceUpdated = z.object({
  devices: z.array(Device),
  removed_device_ids: z.array(DeviceId),
})
export type DeviceUpdated = z.infer<typeof DeviceUpdated>

/** Visibility has changed (for example, the owner was removed): fetch the list again. */
const Reload = z.object({ reload: z.literal(true) })
export const GroupsUpdated = z.union([
  z.object({ group: Group }),
  z.object({ removed_group_id: GroupId }),
  Reload,
])
export type GroupsUpdated = z.infer<typeof GroupsUpdated>
export const SoftwareUpdated = z.union([
  z.object({ software: Software }),
  z.object({ removed_software_id: SoftwareId }),
  Reload,
])
export type SoftwareUpdated = z.infer<typeof SoftwareUpdated>
export const UsersUpdated = z.union([
  z.object({ user: User }),
  z.object({ removed_user_id: UserId }),
  Reload,
])
export type UsersUpdated = z.infer<typeof UsersUpdated>
export const EnrollmentsUpdated = z.union([
  z.object({ enrollment: Enrollment }),
  z.object({ removed_enrollment_id: EnrollmentId }),
  Reload,
])
export type EnrollmentsUpdated = z.infer<typeof EnrollmentsUpdated>

export const consoleFeed = {
  deployment_completed: DeploymentCompleted,
  deployment_paused: DeploymentPaused,
  deployment_updated: Deployment,
  targets_updated: TargetsUpdated,
  target_output: TargetOutputPiece,
  device_updated: DeviceUpdated,
  devices_pending: z.object({ count: z.number().int() }),
  hub_updated: HubStatus,
  groups_updated: GroupsUpdated,
  software_updated: SoftwareUpdated,
  /** Administrators only. */
  users_updated: UsersUpdated,
  enrollments_updated: EnrollmentsUpdated,
  settings_updated: StoredSettings,
} as const
export type FeedEvents = { [K in keyof typeof consoleFeed]: z.infer<(typeof consoleFeed)[K]> }
export type FeedEventName = keyof FeedEvents

export type HubToConsole = { [K in FeedEventName]: (body: FeedEvents[K]) => void }
export type ConsoleToHub = Record<string, never>
