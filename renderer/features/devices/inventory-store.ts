/** The inventory of the PC on screen. */
import { defineStore } from 'pinia'
import { shallowRef } from 'vue'
import type { DeviceInventory } from '#shared/contract/inventory.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import { useApi } from '../../api/index.ts'
import { createLoader } from '../../state/loader.ts'

export const useInventoryStore = defineStore('inventory', () => {
  const api = useApi()
  let wanted: DeviceId | null = null
  /** Incremented when a request in flight becomes outdated. */
  let generation = 0
  const current = shallowRef<DeviceInventory | null>(null)
  const loader = createLoader(fetchInventory)
  async function fetchInventory(): Promise<void> {
    const [id, asOf] = [wanted, generation]
    if (id === null) return
    const found = await api.call('devices.inventory', { params: { id } })
    if (generation !== asOf) return await fetchInventory()
    current.value = found
  }
  return {
    ...loader,
    current,
    /** Fetches it, even if already loaded, because it may have changed. */
    async open(id: DeviceId) {
      if (wanted !== id) {
        current.value = null
        loader.reset()
      }
      wanted = id
      generation++
      await loader.load()
    },
    close() {
      wanted = null
      generation++
      current.value = null
      loader.reset()
    },
  }
})
