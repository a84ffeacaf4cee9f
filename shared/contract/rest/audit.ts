/** The audit log as the console reads it. */
import { z } from 'zod'
import { DeploymentId, DeviceId } from '../../domain/ids.ts'
import { AuditAction } from '../../domain/audit-actions.ts'
import { Page, Timestamp } from './common.ts'
import { pathId } from './route.ts'

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
  /** Address of the request; null: the controller itself, or an entry from an older version. */
  address: z.string().nullable(),
  /** Null: an entry from an older version. */
  outcome: AuditOutcome.nullable(),
  device_id: DeviceId.nullable(),
  deployment_id: DeploymentId.nullable(),
  /** For programs: devices, packages with their hashes and arguments, counts. The keys depend on the action. */
  data: z.record(z.string(), z.unknown()).nullable(),
  hash: z.string().nullable(),
})
export type AuditEntry = z.infer<typeof AuditEntry>

/** Whether the hash chain of the log is intact and its signatures are valid. */
export const AuditProof = z.object({
  whole: z.boolean(),
  checked_at: Timestamp,
  entries: count,
  /** Entries from a version without the chain, which cannot be verified. */
  unchained: count,
  signed_ends: count,
  signed_up_to: count.nullable(),
  /** The first problems, as sentences. */
  problems: z.array(z.string()),
  problem_count: count,
  /** SHA-256 over the SPKI of the key that signs the ends, as agents know it. */
  key_fingerprint: z.string(),
})
export type AuditProof = z.infer<typeof AuditProof>

export const AuditQuery = Page.extend({
  /** Text in actor, action, subject or details. */
  q: z.string().max(200).optional(),
  since: z.iso.datetime({ offset: true }).optional(),
  until: z.iso.datetime({ offset: true }).optional(),
  /** Name of the user at the time. */
  actor: z.string().min(1).max(256).optional(),
  action: AuditAction.optional(),
  device_id: pathId(DeviceId).optional(),
  deployment_id: pathId(DeploymentId).optional(),
  /** Only entries before this one. Faster than `offset` for a long log. */
  before: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
  /** `next_after` of the previous page. Means the same as `before`. */
  after: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
})
