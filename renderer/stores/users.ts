/** Accounts. Administrators only. */
import { defineStore } from 'pinia'
import { shallowRef } from 'vue'
import type { Role, User } from '#shared/contract/entities.ts'
import type { UserId } from '#shared/domain/ids.ts'
import { useApi } from '../api/index.ts'
import { createLoader } from './loader.ts'

export const useUsersStore = defineStore('users', () => {
  const api = useApi()
  const list = shallowRef<User[]>([])
  const loader = createLoader(async () => {
    list.value = (await api.call('users.list')).users
  })
  return {
    ...loader,
    list,
    async create(username: string, password: string, role: Role) {
      const user = await api.call('users.create', { body: { username, password, role } })
      list.value = [...list.value, user]
      return user
    },
    async update(id: UserId, change: { password?: string; role?: Role }) {
      const user = await api.call('users.update', { params: { id }, body: change })
      list.value = list.value.map((u) => (u.id === id ? user : u))
      return user
    },
    async remove(id: UserId) {
      await api.call('users.delete', { params: { id } })
      list.value = list.value.filter((u) => u.id !== id)
      return true
    },
  }
})
