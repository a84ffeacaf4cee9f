/**
 * Controller-wide settings, chosen by administrators. Read often, changed rarely, so they are kept
 * in memory.
 */
import {
  DEFAULT_SETTINGS,
  SETTING_NAMES,
  UpdateSettings,
  type ControllerSettings,
  type SettingName,
  type StoredSettings,
} from '#shared/contract/rest/settings-routes.ts'
import type { Audit } from '../audit/index.ts'
import type { Log, Viewer } from '../../base/context.ts'
import { checkVersion } from '../../base/check-version.ts'
import type { Store } from '../../store/store.ts'
import { createSettingsRepo, type SettingRow } from './settings.repo.ts'

export type Settings = ReturnType<typeof createSettings>
export type SettingsListener = (next: ControllerSettings, before: ControllerSettings) => void

const NAME_IN_AUDIT_LOG: Record<SettingName, string> = {
  bandwidth_hub_kib_s: 'limit of the hub in KiB/s',
  bandwidth_device_kib_s: 'limit of each PC in KiB/s',
  work_on_battery: 'work on battery',
  work_on_metered: 'work on metered networks',
  agent_updates: 'updates of agents',
}
const inAuditLog = (value: ControllerSettings[SettingName]): string =>
  typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value ?? 'none')

/** Skips a value that this version cannot use; its default applies. */
function read(rows: readonly SettingRow[], log: Log): ControllerSettings {
  let found = DEFAULT_SETTINGS
  for (const { name, value } of rows) {
    try {
      found = { ...found, ...UpdateSettings.parse({ [name]: JSON.parse(value) as unknown }) }
    } catch (err) {
      log.warn({ err, name }, 'a setting is invalid: its default applies')
    }
  }
  return found
}

export function createSettings(deps: { store: Store; audit: Audit; log: Log }) {
  const repo = createSettingsRepo(deps.store)
  const listeners = new Set<SettingsListener>()
  let current = read(repo.list(), deps.log)
  let version = repo.version()

  return {
    /** The current settings. Cheap. The object is immutable: a change creates a new one. */
    get: (): ControllerSettings => current,

    /** With their version number. */
    stored: (): StoredSettings => ({ ...current, version }),

    /**
     * Changes the given settings only. Listeners are called once the change is stored.
     * @returns the new settings
     * @throws AppError E_CONFLICT if `version` is out of date
     */
    update(
      viewer: Viewer,
      { version: basedOn, ...change }: UpdateSettings & { version?: number | undefined },
    ): StoredSettings {
      const before = current
      checkVersion(basedOn, version, 'settings', () => ({ ...current, version }))
      const next = { ...before }
      for (const name of SETTING_NAMES)
        if (change[name] !== undefined) Object.assign(next, { [name]: change[name] })
      const changed = SETTING_NAMES.filter((name) => next[name] !== before[name])
      if (changed.length === 0) return { ...before, version }
      const pick = (from: ControllerSettings) =>
        Object.fromEntries(changed.map((name) => [name, from[name]]))
      deps.store.transaction(() => {
        repo.setVersion(version + 1)
        for (const name of changed) repo.put({ name, value: JSON.stringify(next[name]) })
        deps.audit.record(
          viewer,
          'settings.update',
          'the settings of the controller',
          changed
            .map(
              (name) =>
                `${NAME_IN_AUDIT_LOG[name]}: ${inAuditLog(before[name])} to ${inAuditLog(next[name])}`,
            )
            .join(', '),
          { data: { from: pick(before), to: pick(next) } },
        )
      })
      current = next
      version++
      listeners.forEach((listener) => listener(next, before))
      return { ...next, version }
    },

    /**
     * Called after each change, with the new and the old settings. Returns the function that
     * removes the listener.
     */
    onChange(listener: SettingsListener): () => void {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
