/** Statistics for the dashboard. */
import { defineStore } from 'pinia'
import { shallowRef } from 'vue'
import type { Stats } from '#shared/contract/rest/hub.ts'
import { useApi } from '../../api/index.ts'
import { createLoader } from '../../state/loader.ts'

export const useStatsStore = defineStore('stats', () => {
  const api = useApi()
  const stats = shallowRef<Stats | null>(null)
  const loader = createLoader(async () => {
    stats.value = await api.call('stats.get')
  })
  return { ...loader, stats }
})
