/** What an administrator has decided for the whole controller, and for every PC that it works on. */
import { z } from 'zod'
import { route } from './route.ts'

/** Slower than this, a big package would take days and an agent's patience with a silent hub would end. */
export const MIN_BANDWIDTH_KIB_S = 64
/** 10 GiB/s: more than any office network carries. */
export const MAX_BANDWIDTH_KIB_S = 10 * 1024 * 1024

/** KiB per second; null: no limit. */
const Bandwidth = z.number().int().min(MIN_BANDWIDTH_KIB_S).max(MAX_BANDWIDTH_KIB_S).nullable()
const fields = {
  /** For all downloads of this hub together. */
  bandwidth_hub_kib_s: Bandwidth,
  /** For the downloads of each PC. */
  bandwidth_device_kib_s: Bandwidth,
  /** May packages be fetched and installed while a PC runs on its battery? */
  work_on_battery: z.boolean(),
  /** … and while its network is metered? */
  work_on_metered: z.boolean(),
  /** Whether agents of an older version are brought up to date by themselves. */
  agent_updates: z.enum(['automatic', 'off']),
}

/** A field that an older controller does not know stands at its default. */
export const ControllerSettings = z.object({
  bandwidth_hub_kib_s: fields.bandwidth_hub_kib_s.default(null),
  bandwidth_device_kib_s: fields.bandwidth_device_kib_s.default(null),
  work_on_battery: fields.work_on_battery.default(true),
  work_on_metered: fields.work_on_metered.default(true),
  agent_updates: fields.agent_updates.default('automatic'),
})
export type ControllerSettings = z.infer<typeof ControllerSettings>
/** With the count of their changes: a write that names an older version is refused. */
export const StoredSettings = ControllerSettings.extend({
  version: z.number().int().nonnegative().default(0),
})
export type StoredSettings = z.infer<typeof StoredSettings>
export type SettingName = keyof ControllerSettings
export const SETTING_NAMES = Object.keys(fields) as SettingName[]
/** A controller on which nobody has decided anything. */
export const DEFAULT_SETTINGS: ControllerSettings = ControllerSettings.parse({})

/** Without the defaults: what is left out stays as it is. */
export const UpdateSettings = z.object(fields).partial()
export type UpdateSettings = z.infer<typeof UpdateSettings>

export const settingsRoutes = {
  'settings.get': route({
    method: 'GET',
    path: '/settings',
    access: 'user',
    summary: 'The settings of the controller',
    reply: StoredSettings,
  }),
  'settings.update': route({
    method: 'PATCH',
    path: '/settings',
    access: 'admin',
    summary: 'Change settings; what is left out stays as it is',
    body: UpdateSettings.extend({ version: z.number().int().nonnegative().optional() }),
    reply: StoredSettings,
  }),
} as const
