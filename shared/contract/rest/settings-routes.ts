/** Settings of the whole controller, which administrators change. */
import { z } from 'zod'
import { route } from './route.ts'

/** Below this, a large package would take days, and an agent would time out on a slow hub. */
export const MIN_BANDWIDTH_KIB_S = 64
/** 10 GiB/s: more than any office network carries. */
export const MAX_BANDWIDTH_KIB_S = 10 * 1024 * 1024

/** KiB per second; null: no limit. */
const Bandwidth = z.number().int().min(MIN_BANDWIDTH_KIB_S).max(MAX_BANDWIDTH_KIB_S).nullable()
const fields = {
  /** Limit for all downloads of this hub together. */
  bandwidth_hub_kib_s: Bandwidth,
  /** Limit for the downloads of each PC. */
  bandwidth_device_kib_s: Bandwidth,
  /** Whether packages may be downloaded and installed while a PC runs on battery. */
  work_on_battery: z.boolean(),
  /** The same while its network is metered. */
  work_on_metered: z.boolean(),
  /** Whether older agents are updated automatically. */
  agent_updates: z.enum(['automatic', 'off']),
}

/** A field that an older controller does not know has its default. */
export const ControllerSettings = z.object({
  bandwidth_hub_kib_s: fields.bandwidth_hub_kib_s.default(null),
  bandwidth_device_kib_s: fields.bandwidth_device_kib_s.default(null),
  work_on_battery: fields.work_on_battery.default(true),
  work_on_metered: fields.work_on_metered.default(true),
  agent_updates: fields.agent_updates.default('automatic'),
})
export type ControllerSettings = z.infer<typeof ControllerSettings>
/** With a change counter: a write that names an older version is refused. */
export const StoredSettings = ControllerSettings.extend({
  version: z.number().int().nonnegative().default(0),
})
export type StoredSettings = z.infer<typeof StoredSettings>
export type SettingName = keyof ControllerSettings
export const SETTING_NAMES = Object.keys(fields) as SettingName[]
/** The settings of a new controller. */
export const DEFAULT_SETTINGS: ControllerSettings = ControllerSettings.parse({})

/** Without the defaults: fields that are left out stay unchanged. */
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
    summary: 'Change settings. Fields that are left out stay unchanged',
    body: UpdateSettings.extend({ version: z.number().int().nonnegative().optional() }),
    reply: StoredSettings,
  }),
} as const
