/** Groups of PCs. */
import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import type { Group } from '#shared/contract/entities.ts'
import type { DeviceId, GroupId } from '#shared/domain/ids.ts'
import { useApi } from '../api/index.ts'
import { byName } from '../lib/search.ts'
import { createLoader } from './loader.ts'

export const useGroupsStore = defineStore('groups', () => {
  const api = useApi()
  const byId = shallowRef(new Map<GroupId, Group>())
  const loader = createLoader(async () => {
    const { groups } = await api.call('groups.list')
    byId.value = new Map(groups.map((g) => [g.id, g]))
  })
  function put(group: Group): Group {
    byId.value = new Map(byId.value).set(group.id, group)
    return group
  }
  return {
    ...loader,
    byId,
    list: computed(() => [...byId.value.values()].sort((a, b) => byName(a.name, b.name))),
    create: async (name: string, device_ids: DeviceId[]) =>
      put(await api.call('groups.create', { body: { name, device_ids } })),
    update: async (id: GroupId, change: { name?: string; device_ids?: DeviceId[] }) =>
      put(await api.call('groups.update', { params: { id }, body: change })),
    async remove(id: GroupId) {
      await api.call('groups.delete', { params: { id } })
      const next = new Map(byId.value)
      next.delete(id)
      byId.value = next
      return true
    },
  }
})
