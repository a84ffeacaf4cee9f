/** What other rooms may use of settings: state and words. */
export { useHubStore } from './hub-store.ts'
export { usePreferencesStore } from './preferences-store.ts'
export { useSettingsStore } from './settings-store.ts'
