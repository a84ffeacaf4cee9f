/** Why a target is in its state. A closed list: the console decides by these, never by text. */
import { z } from 'zod'

export const WAITING_REASONS = [
  'connecting',
  'waiting_for_device',
  'waiting_for_wave',
  'waiting_for_window',
  'device_busy',
  'retry_later',
  'paused',
] as const
export const RUNNING_REASONS = ['verifying', 'reboot_pending', 'adopted'] as const
export const FAILURE_REASONS = [
  'offline',
  'invalid_url',
  'download_failed',
  'integrity',
  'disk_space',
  'permission',
  'install_failed',
  'not_detected',
  'timeout',
  'interrupted',
  'lease_expired',
  'rejected_by_agent',
  'dependency_failed',
  'internal',
] as const
export const SKIP_REASONS = [
  'already_installed',
  'no_installer',
  'canceled',
  'device_deleted',
] as const

/** Conditions that defer work on a PC, if an administrator's settings say so. The target then waits with `retry_later`. */
export const DEFER_REASONS = ['on_battery', 'on_metered'] as const
export const DeferReason = z.enum(DEFER_REASONS)
export type DeferReason = z.infer<typeof DeferReason>

export const TargetReason = z.enum([
  ...WAITING_REASONS,
  ...RUNNING_REASONS,
  ...FAILURE_REASONS,
  ...SKIP_REASONS,
])
export type TargetReason = z.infer<typeof TargetReason>
export type FailureReason = (typeof FAILURE_REASONS)[number]
export type SkipReason = (typeof SKIP_REASONS)[number]
