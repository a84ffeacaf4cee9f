/** The settings of the controller: everybody reads them, administrators change them. */
import { defineStore } from 'pinia'
import { shallowRef } from 'vue'
import type { ControllerSettings, UpdateSettings } from '#shared/contract/rest-settings.ts'
import { useApi } from '../api/index.ts'
import { createLoader } from './loader.ts'

export const useSettingsStore = defineStore('settings', () => {
  const api = useApi()
  const settings = shallowRef<ControllerSettings | null>(null)
  const loader = createLoader(async () => {
    settings.value = await api.call('settings.get')
  })
  return {
    ...loader,
    settings,
    apply: (next: ControllerSettings) => (settings.value = next),
    async update(change: UpdateSettings) {
      settings.value = await api.call('settings.update', { body: change })
      return settings.value
    },
  }
})
