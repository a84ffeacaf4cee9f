/** What the controller tells open consoles: namespace `/console`, JWT in the handshake's `auth.token`. A user gets only what is his to see. */
import { z } from 'zod'
import { DeploymentId, DeviceId, TargetId } from '../domain/ids.ts'
import { Deployment, DeploymentAction, Target, TargetTotals } from './deployments.ts'
import { Device, HubStatus, Timestamp } from './entities.ts'
import { ControllerSettings } from './rest-settings.ts'

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

/** Its failures reached the threshold, or its pilot failed: nothing new starts until a person decides. */
export const DeploymentPaused = z.object({
  deployment_id: DeploymentId,
  deployment_name: z.string(),
  action: DeploymentAction.default('install'),
  /** One sentence: "2 of 3 failed (67 %), the limit is 50 %." */
  message: z.string(),
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

export const DeviceUpdated = z.union([
  z.object({ device: Device }),
  z.object({ removed_device_id: DeviceId }),
])
export type DeviceUpdated = z.infer<typeof DeviceUpdated>

export const consoleFeed = {
  deployment_completed: DeploymentCompleted,
  deployment_paused: DeploymentPaused,
  deployment_updated: Deployment,
  targets_updated: TargetsUpdated,
  target_output: TargetOutputPiece,
  device_updated: DeviceUpdated,
  devices_pending: z.object({ count: z.number().int() }),
  hub_updated: HubStatus,
  settings_updated: ControllerSettings,
} as const
export type FeedEvents = { [K in keyof typeof consoleFeed]: z.infer<(typeof consoleFeed)[K]> }
export type FeedEventName = keyof FeedEvents

export type HubToConsole = { [K in FeedEventName]: (body: FeedEvents[K]) => void }
export type ConsoleToHub = Record<string, never>
