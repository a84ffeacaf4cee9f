/** The hub's status, and whether this console is connected to the feed. */
import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import type { HubStatus } from '#shared/contract/rest/hub.ts'
import { useApi } from '../../api/index.ts'
import type { FeedState } from '../../api/feed.ts'
import { createLoader } from '../../state/loader.ts'
import type { Refreshing } from '../../state/refresh.ts'

export const useHubStore = defineStore('hub', () => {
  const api = useApi()
  const status = shallowRef<HubStatus | null>(null)
  const feed = ref<FeedState>('off')
  /** Set while the data on screen is polled because the feed is not connected. */
  const refreshing = shallowRef<Refreshing | null>(null)
  const loader = createLoader(async () => {
    status.value = await api.call('hub.get')
  })
  return {
    ...loader,
    status,
    feed,
    refreshing,
    /** The controller cannot be reached. */
    isCutOff: computed(() => feed.value === 'down' && refreshing.value === null),
    /** Where agents connect: the first address, with its port. */
    address: computed(() => {
      const hub = status.value
      if (!hub) return null
      const host = hub.addresses[0] ?? '127.0.0.1'
      return /:\d+$/.test(host) && !/^[0-9a-f:]+$/i.test(host) ? host : `${host}:${hub.port}`
    }),
    apply: (next: HubStatus) => (status.value = next),
  }
})
