/** Users. Administrators only. */
import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import type { UsersUpdated } from '#shared/contract/feed.ts'
import { User, type Role } from '#shared/contract/rest/users.ts'
import type { CreateUser } from '#shared/contract/rest/users.ts'
import type { UserId } from '#shared/domain/ids.ts'
import { currentOf } from '../../api/failure.ts'
import { useApi } from '../../api/index.ts'
import { createLoader } from '../../state/loader.ts'

export const useUsersStore = defineStore('users', () => {
  const api = useApi()
  const list = shallowRef<User[]>([])
  const loader = createLoader(async () => {
    list.value = (await api.call('users.list')).users
  })
  function put(user: User): User {
    const known = list.value.find((u) => u.id === user.id)
    if (known && known.version > user.version) return known
    loader.touch()
    const isNew = !list.value.some((u) => u.id === user.id)
    list.value = isNew
      ? [...list.value, user]
      : list.value.map((u) => (u.id === user.id ? user : u))
    return user
  }
  function drop(id: UserId): void {
    loader.touch()
    list.value = list.value.filter((u) => u.id !== id)
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
        /** The version on which the change is based. */
        version?: number
      },
    ) => {
      try {
        return put(await api.call('users.update', { params: { id }, body: change }))
      } catch (error) {
        const current = currentOf(error, User)
        if (current) put(current)
        throw error
      }
    },
    apply(news: UsersUpdated): void {
      // Nothing to update until the users page has been opened.
      if (loader.state.value === 'idle') return
      if ('user' in news) put(news.user)
      else if ('removed_user_id' in news) drop(news.removed_user_id)
      else void loader.reload()
    },
    /** Resolves to the new password, which the controller returns only once. */
    async resetPassword(id: UserId): Promise<string> {
      const { user, password } = await api.call('users.reset_password', { params: { id } })
      put(user)
      return password
    },
    endSessions: async (id: UserId) =>
      put(await api.call('users.end_sessions', { params: { id } })),
    holdings: (id: UserId) => api.call('users.holdings', { params: { id } }),
    /** @param transferTo the new owner of what they own; null: nobody */
    async remove(id: UserId, transferTo: UserId | null): Promise<true> {
      const query = transferTo === null ? {} : { transfer_to: transferTo }
      await api.call('users.delete', { params: { id }, query })
      drop(id)
      return true
    },
  }
})
