/** Groups of PCs. */
import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import type { GroupsUpdated } from '#shared/contract/feed.ts'
import { Group } from '#shared/contract/rest/groups.ts'
import type { DeviceId, GroupId } from '#shared/domain/ids.ts'
import { currentOf } from '../../api/failure.ts'
import { useApi } from '../../api/index.ts'
import { byName } from '../../ui/lib/search.ts'
import { createLoader } from '../../state/loader.ts'

export type GroupChange = {
  name?: string
  add_device_ids?: DeviceId[]
  remove_device_ids?: DeviceId[]
  /** The version on which the change is based. */
  version?: number
}

export const useGroupsStore = defineStore('groups', () => {
  const api = useApi()
  const byId = shallowRef(new Map<GroupId, Group>())
  const loader = createLoader(async () => {
    const { groups } = await api.call('groups.list')
    byId.value = new Map(groups.map((g) => [g.id, g]))
  })
  /** An answer may arrive after the feed event of a newer change. */
  function put(group: Group): Group {
    const known = byId.value.get(group.id)
    if (known && known.version > group.version) return known
    loader.touch()
    byId.value = new Map(byId.value).set(group.id, group)
    return group
  }
  function drop(id: GroupId): void {
    loader.touch()
    const next = new Map(byId.value)
    next.delete(id)
    byId.value = next
  }
  return {
    ...loader,
    byId,
    list: computed(() => [...byId.value.values()].sort((a, b) => byName(a.name, b.name))),
    create: async (name: string, device_ids: DeviceId[]) =>
      put(await api.call('groups.create', { body: { name, device_ids } })),
    /** @throws ApiError E_CONFLICT when `version` is outdated; the store then has the current version */
    async update(id: GroupId, change: GroupChange) {
      try {
        return put(await api.call('groups.update', { params: { id }, body: change }))
      } catch (error) {
        const current = currentOf(error, Group)
        if (current) put(current)
        throw error
      }
    },
    async remove(id: GroupId) {
      await api.call('groups.delete', { params: { id } })
      drop(id)
      return true
    },
    apply(news: GroupsUpdated): void {
      if ('group' in news) put(news.group)
      else if ('removed_group_id' in news) drop(news.removed_group_id)
      else void loader.reload()
    },
  }
})
