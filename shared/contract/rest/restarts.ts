/** Restarts that deployments require, as the console sees them. */
import { z } from 'zod'
import { AnyParams, TextCode } from '../../domain/coded-texts/codes.ts'
import { DeviceId } from '../../domain/ids.ts'
import { TargetReason } from '../../domain/reasons.ts'
import { RestartState } from '../../domain/restart-state.ts'

const Timestamp = z.iso.datetime()
const count = z.number().int().nonnegative()

/** The restart that completes what was installed. */
export const TargetRestart = z.object({
  state: RestartState,
  /** Why it waits. */
  reason: TargetReason.optional(),
  /** One sentence for people, if there is something to explain. */
  message: z.string().optional(),
  /** The message as a code with parameters. */
  code: TextCode.optional(),
  params: AnyParams.optional(),
  /** When the PC restarts, while its notice is running. */
  due_at: Timestamp.optional(),
  /** Its order is being withdrawn. */
  calling_off: z.boolean(),
  /** When it entered this state. */
  since: Timestamp,
})
export type TargetRestart = z.infer<typeof TargetRestart>

/** Restarts of one deployment by state; `owed` means pending. */
export const RestartCounts = z.object({
  owed: count,
  announced: count,
  done: count,
  failed: count,
  canceled: count,
})
export type RestartCounts = z.infer<typeof RestartCounts>

export const CancelRestarts = z.object({
  /** Left out: all of this deployment, including future ones. */
  device_ids: z.array(DeviceId).min(1).max(10_000).optional(),
})
