/** All PCs. */
import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import type { DeviceUpdated } from '#shared/contract/feed.ts'
import { Device } from '#shared/contract/rest/devices.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import { currentOf } from '../../api/failure.ts'
import { useApi } from '../../api/index.ts'
import { byName } from '../../ui/lib/search.ts'
import { createLoader } from '../../state/loader.ts'

export const useDevicesStore = defineStore('devices', () => {
  const api = useApi()
  const byId = shallowRef(new Map<DeviceId, Device>())
  const pending = ref(0)
  /** While the list is loading: the answer may still contain them. */
  const removedMeanwhile = new Set<DeviceId>()
  const loader = createLoader(async () => {
    const before = byId.value
    removedMeanwhile.clear()
    const { devices } = await api.call('devices.list')
    const next = new Map(devices.map((d) => [d.id, d]))
    // Feed events that arrived meanwhile are newer than the answer.
    for (const [id, d] of byId.value) if (before.get(id) !== d) next.set(id, d)
    for (const id of removedMeanwhile) if (!byId.value.has(id)) next.delete(id)
    byId.value = next
    pending.value = devices.filter((d) => d.pairing !== null || (!d.approved && !d.blocked)).length
  })

  /** An answer may arrive after the feed event of a newer name, which is kept. */
  function change(devices: readonly Device[], removed: readonly DeviceId[]): void {
    const next = new Map(byId.value)
    for (const device of devices) {
      const known = next.get(device.id)
      if (!known || known.version <= device.version) next.set(device.id, device)
    }
    for (const id of removed) {
      removedMeanwhile.add(id)
      next.delete(id)
    }
    byId.value = next
  }
  /** @returns the newest version known of this device */
  function put(device: Device): Device {
    change([device], [])
    return byId.value.get(device.id) ?? device
  }
  const drop = (id: DeviceId): void => change([], [id])

  const list = computed(() => [...byId.value.values()].sort((a, b) => byName(a.name, b.name)))
  return {
    ...loader,
    byId,
    list,
    pending,
    /** PCs in pairing, whose digits are to be compared; approved ones are also in the main list. */
    waiting: computed(() => list.value.filter((d) => d.pairing !== null)),
    /** PCs that are probably a reinstallation of an older, offline entry. */
    reinstalled: computed(() =>
      list.value.flatMap((newer) => {
        const older = newer.reinstall_of === null ? undefined : byId.value.get(newer.reinstall_of)
        return older ? [{ newer, older }] : []
      }),
    ),
    async takeOver(id: DeviceId, from: DeviceId) {
      const body = { from_device_id: from }
      const device = put(await api.call('devices.take_over', { params: { id }, body }))
      drop(from)
      return device
    },
    keepBoth: async (id: DeviceId, from: DeviceId) =>
      put(await api.call('devices.keep_both', { params: { id }, body: { from_device_id: from } })),
    enrolled: computed(() => list.value.filter((d) => d.pairing === null || d.approved)),
    onlineCount: computed(() => list.value.filter((d) => d.online).length),
    apply: (update: DeviceUpdated) => change(update.devices, update.removed_device_ids),
    /**
     * `name` null: use the name that the PC reports.
     * @throws ApiError E_CONFLICT when `version` is outdated; the store then has the current version
     */
    async rename(id: DeviceId, body: { name: string | null; version: number }) {
      try {
        return put(await api.call('devices.update', { params: { id }, body }))
      } catch (error) {
        const current = currentOf(error, Device)
        if (current) put(current)
        throw error
      }
    },
    approve: async (id: DeviceId) => put(await api.call('devices.approve', { params: { id } })),
    /** Rejects a PC that waits for approval. The feed removes it from the list. */
    async reject(id: DeviceId) {
      await api.call('devices.delete', { params: { id } })
      return true
    },
    block: async (id: DeviceId) => put(await api.call('devices.block', { params: { id } })),
    updateAgent: async (id: DeviceId) =>
      put(await api.call('devices.update_agent', { params: { id } })),
    async remove(id: DeviceId) {
      await api.call('devices.delete', { params: { id } })
      drop(id)
      return true
    },
  }
})
