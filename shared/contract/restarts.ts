/** What the console sees of the restarts that deployments owe their PCs. */
import { z } from 'zod'
import { DeviceId } from '../domain/ids.ts'
import { TargetReason } from '../domain/reasons.ts'
import { RestartState } from '../domain/restart-state.ts'

const Timestamp = z.iso.datetime()
const count = z.number().int().nonnegative()

/** The restart that completes what was installed. */
export const TargetRestart = z.object({
  state: RestartState,
  /** Why it waits. */
  reason: TargetReason.optional(),
  /** One sentence for people, once it has ended or where it needs one. */
  message: z.string().optional(),
  /** While its notice runs: when the PC restarts. */
  due_at: Timestamp.optional(),
  /** Its order is being withdrawn. */
  calling_off: z.boolean(),
  /** When it entered this state. */
  since: Timestamp,
})
export type TargetRestart = z.infer<typeof TargetRestart>

/** Of one deployment, by where its restarts stand. */
export const RestartCounts = z.object({
  owed: count,
  announced: count,
  done: count,
  failed: count,
  canceled: count,
})
export type RestartCounts = z.infer<typeof RestartCounts>

export const CancelRestarts = z.object({
  /** Left out: all of this deployment, those that are not owed yet included. */
  device_ids: z.array(DeviceId).min(1).max(10_000).optional(),
})
