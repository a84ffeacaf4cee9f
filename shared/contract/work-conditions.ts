import { z } from 'zod'

/** In which circumstances may a PC work? What is left out is allowed. */
export const WorkConditions = z
  .object({ on_battery: z.boolean().default(true), on_metered: z.boolean().default(true) })
  .default({ on_battery: true, on_metered: true })
export type WorkConditions = z.infer<typeof WorkConditions>
