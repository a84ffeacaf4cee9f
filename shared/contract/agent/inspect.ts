/** Query before a deployment, hub → agent: what it would find on the PC. The agent changes nothing. */
import { z } from 'zod'
import { DeviceId } from '../../domain/ids.ts'
import { DeferReason } from '../../domain/reasons.ts'
import { Detection } from '../detection.ts'
import { WorkConditions } from './work-conditions.ts'
import { foreignLines } from '../text.ts'

/** The signed text. It starts with its purpose, so that the signature is valid for nothing else. */
export const inspectText = (payload: string): string => 'deployx inspect v1\n' + payload

export const InspectPayload = z.object({
  device_id: DeviceId,
  issued_at: z.iso.datetime(),
  detections: z.array(Detection.nullable()).max(50),
  /** The conditions that a command would carry now. */
  conditions: WorkConditions,
})
export type InspectPayload = z.infer<typeof InspectPayload>
export const InspectReply = z.discriminatedUnion('ok', [
  z.object({
    ok: z.literal(true),
    free_disk_bytes: z.number().int().nonnegative().nullable(),
    /** Null: unknown. */
    reboot_pending: z.boolean().nullable(),
    /** An attempt of any deployment is waiting or running. */
    busy: z.boolean(),
    /** In the order of `detections`. */
    presences: z.array(z.enum(['present', 'absent', 'unknown'])).max(50),
    /** Why the PC would defer work now; null: nothing known. Older agents leave it out. */
    held_by: DeferReason.nullable().default(null),
  }),
  z.object({ ok: z.literal(false), message: foreignLines(1000) }),
])
export type InspectReply = z.infer<typeof InspectReply>
/** As received: older agents leave out fields. */
export type InspectReplyInput = z.input<typeof InspectReply>
