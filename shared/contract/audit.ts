/** The audit trail as the console reads it. */
import { z } from 'zod'
import { DeploymentId, DeviceId } from '../domain/ids.ts'
import { Timestamp } from './entities.ts'

const count = z.number().int().nonnegative()

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
