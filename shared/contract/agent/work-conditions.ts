import { z } from 'zod'

/** Conditions under which a PC may work. Left out: allowed. */
export const WorkConditions = z
  .object({ on_battery: z.boolean().default(true), on_metered: z.boolean().default(true) })
  .default({ on_battery: true, on_metered: true })
export type WorkConditions = z.infer<typeof WorkConditions>
