/** The settings of the controller: everyone reads them, administrators change them. */
import { defineStore } from 'pinia'
import { shallowRef } from 'vue'
import { StoredSettings, type UpdateSettings } from '#shared/contract/rest/settings-routes.ts'
import { currentOf } from '../../api/failure.ts'
import { useApi } from '../../api/index.ts'
import { createLoader } from '../../state/loader.ts'

export const useSettingsStore = defineStore('settings', () => {
  const api = useApi()
  const settings = shallowRef<StoredSettings | null>(null)
  const loader = createLoader(async () => {
    settings.value = await api.call('settings.get')
  })
  function put(next: StoredSettings): void {
    if (settings.value && settings.value.version > next.version) return
    loader.touch()
    settings.value = next
  }
  return {
    ...loader,
    settings,
    apply: put,
    /** @param version the version on which the change is based */
    async update(change: UpdateSettings, version?: number) {
      const body = { ...change, ...(version !== undefined && { version }) }
      try {
        put(await api.call('settings.update', { body }))
      } catch (error) {
        const current = currentOf(error, StoredSettings)
        if (current) put(current)
        throw error
      }
      return settings.value
    },
  }
})
