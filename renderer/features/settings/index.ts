/** State and texts of the settings feature that other features may import. */
export { useHubStore } from './hub-store.ts'
export { usePreferencesStore } from './preferences-store.ts'
export { useSettingsStore } from './settings-store.ts'
