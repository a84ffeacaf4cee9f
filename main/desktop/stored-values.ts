/** What is stored between starts, and how a file with other contents is read. Pure. */
import { z } from 'zod'
import type { Preferences } from '#shared/contract/bridge.ts'

export const DEFAULT_PREFERENCES: Preferences = {
  theme: 'system',
  close_to_tray: true,
  notifications: true,
  open_at_login: false,
  sidebar_collapsed: false,
}

/** Values that users do not set directly. */
export const ShellState = z.object({
  window: z
    .object({
      x: z.int(),
      y: z.int(),
      width: z.int().positive(),
      height: z.int().positive(),
      maximized: z.boolean(),
    })
    .nullable(),
  /** Whether the user was informed once that closing the window leaves the hub running. */
  tray_explained: z.boolean(),
})
export type ShellState = z.infer<typeof ShellState>
export const INITIAL_SHELL_STATE: ShellState = { window: null, tray_explained: false }

/** Uses each valid field of a file, and the default for the others. Pure. */
export function sound<T extends z.ZodRawShape>(
  schema: z.ZodObject<T>,
  defaults: z.output<z.ZodObject<T>>,
  stored: unknown,
): z.output<z.ZodObject<T>> {
  const given = (typeof stored === 'object' && stored !== null ? stored : {}) as Record<
    string,
    unknown
  >
  const result: Record<string, unknown> = { ...defaults }
  for (const key of Object.keys(schema.shape)) {
    const field = schema.shape[key] as unknown as z.ZodType
    const checked = field.safeParse(given[key])
    if (Object.hasOwn(given, key) && checked.success) result[key] = checked.data
  }
  return schema.parse(result)
}
