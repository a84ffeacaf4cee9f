/** What a deployment would meet on a PC, asked before it is made, hub → agent. The agent looks and changes nothing. */
import { z } from 'zod'
import { DeviceId } from '../domain/ids.ts'
import { HeldBy } from '../domain/reasons.ts'
import { Detection } from './detection.ts'
import { WorkConditions } from './work-conditions.ts'
import { foreignLines } from './text.ts'

/** What is signed. Its purpose comes first, so that this signature counts for nothing else. */
export const inspectText = (payload: string): string => 'deployx inspect v1\n' + payload

export const InspectPayload = z.object({
  device_id: DeviceId,
  issued_at: z.iso.datetime(),
  detections: z.array(Detection.nullable()).max(50),
  /** Those that a command of now would hold. */
  conditions: WorkConditions,
})
export type InspectPayload = z.infer<typeof InspectPayload>
export const InspectReply = z.discriminatedUnion('ok', [
  z.object({
    ok: z.literal(true),
    free_disk_bytes: z.number().int().nonnegative().nullable(),
    /** Null where it cannot be told. */
    reboot_pending: z.boolean().nullable(),
    /** An attempt of whatever deployment is waiting or running. */
    busy: z.boolean(),
    /** In the order of the question. */
    presences: z.array(z.enum(['present', 'absent', 'unknown'])).max(50),
    /** What would hold it back at this moment; null: nothing, as far as can be told. An older agent does not say. */
    held_by: HeldBy.nullable().default(null),
  }),
  z.object({ ok: z.literal(false), message: foreignLines(1000) }),
])
export type InspectReply = z.infer<typeof InspectReply>
/** As it arrives: an older agent leaves out what it does not know. */
export type InspectReplyInput = z.input<typeof InspectReply>
