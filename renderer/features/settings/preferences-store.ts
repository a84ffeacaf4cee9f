/** This user's window preferences: theme and sidebar. Stored by the shell. */
import { defineStore } from 'pinia'
import { computed, ref, shallowRef, watchEffect } from 'vue'
import type { Preferences, Theme } from '#shared/contract/bridge.ts'
import { useApi } from '../../api/index.ts'

export const usePreferencesStore = defineStore('preferences', () => {
  const { shell } = useApi()
  const preferences = shallowRef<Preferences | null>(null)
  const systemDark = ref(false)

  const media = window.matchMedia('(prefers-color-scheme: dark)')
  systemDark.value = media.matches
  media.addEventListener('change', (event) => (systemDark.value = event.matches))

  /** Too narrow for the expanded sidebar. */
  const isNarrow = ref(false)
  const narrow = window.matchMedia('(max-width: 959px)')
  isNarrow.value = narrow.matches
  narrow.addEventListener('change', (event) => (isNarrow.value = event.matches))

  const theme = computed<Theme>(() => preferences.value?.theme ?? 'system')
  const isDark = computed(
    () => theme.value === 'dark' || (theme.value === 'system' && systemDark.value),
  )
  watchEffect(() => {
    document.documentElement.classList.toggle('dark', isDark.value)
    document.documentElement.classList.toggle('light', !isDark.value)
  })

  async function load(): Promise<void> {
    preferences.value = await shell.loadPreferences()
  }
  async function change(part: Partial<Preferences>): Promise<void> {
    if (preferences.value) preferences.value = { ...preferences.value, ...part }
    preferences.value = await shell.savePreferences(part)
  }

  return {
    preferences,
    theme,
    isDark,
    sidebarCollapsed: computed(
      () => isNarrow.value || (preferences.value?.sidebar_collapsed ?? false),
    ),
    shell,
    load,
    change,
    toggleSidebar: () =>
      change({ sidebar_collapsed: !(preferences.value?.sidebar_collapsed ?? false) }),
  }
})
