/** Users. Administrators only. */
import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import type { Role, User } from '#shared/contract/entities.ts'
import type { CreateUser } from '#shared/contract/requests.ts'
import type { UserId } from '#shared/domain/ids.ts'
import { useApi } from '../api/index.ts'
import { createLoader } from './loader.ts'

export const useUsersStore = defineStore('users', () => {
  const api = useApi()
  const list = shallowRef<User[]>([])
  const loader = createLoader(async () => {
    list.value = (await api.call('users.list')).users
  })
  function put(user: User): User {
    const isNew = !list.value.some((u) => u.id === user.id)
    list.value = isNew
      ? [...list.value, user]
      : list.value.map((u) => (u.id === user.id ? user : u))
    return user
  }
  return {
    ...loader,
    list,
    byId: computed(() => new Map(list.value.map((user) => [user.id, user]))),
    create: async (body: CreateUser) => put(await api.call('users.create', { body })),
    update: async (
      id: UserId,
      change: {
        username?: string
        role?: Role
        disabled?: boolean
        must_change_password?: boolean
      },
    ) => put(await api.call('users.update', { params: { id }, body: change })),
    /** Returns the new password: it is told this once. */
    async resetPassword(id: UserId): Promise<string> {
      const { user, password } = await api.call('users.reset_password', { params: { id } })
      put(user)
      return password
    },
    endSessions: async (id: UserId) =>
      put(await api.call('users.end_sessions', { params: { id } })),
    holdings: (id: UserId) => api.call('users.holdings', { params: { id } }),
    /** @param transferTo who gets what he had; null: nobody */
    async remove(id: UserId, transferTo: UserId | null): Promise<true> {
      const query = transferTo === null ? {} : { transfer_to: transferTo }
      await api.call('users.delete', { params: { id }, query })
      list.value = list.value.filter((u) => u.id !== id)
      return true
    },
  }
})
