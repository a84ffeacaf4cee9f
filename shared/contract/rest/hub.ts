/** The state of the controller as the console shows it. */
import { z } from 'zod'
import { Fingerprint } from '../../domain/ids.ts'

const count = z.number().int().nonnegative()

/**
 * Free space on the disk with the controller's data.
 * - `short`: the next upload may not fit.
 * - `low`: almost full; deferrable data (output, inventories, uploads) is refused.
 */
export const DiskSpace = z.object({
  level: z.enum(['enough', 'short', 'low']),
  free_bytes: count.nullable(),
})
export type DiskSpace = z.infer<typeof DiskSpace>

/** State of the hub, always shown at the bottom of the sidebar. */
export const HubStatus = z.object({
  listening: z.boolean(),
  port: count,
  addresses: z.array(z.string()),
  fingerprint: Fingerprint,
  online_agents: count,
  total_devices: count,
  disk: DiskSpace.optional(),
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
  /** Targets that ended in the last seven days. */
  last_7_days: z.object({ completed: count, failed: count, skipped: count }),
})
export type Stats = z.infer<typeof Stats>
