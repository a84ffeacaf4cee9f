/** The signed-in user's own sessions. */
import { defineStore } from 'pinia'
import { shallowRef } from 'vue'
import type { OwnSession } from '#shared/contract/rest/users.ts'
import { useApi } from '../../api/index.ts'
import { createLoader } from '../../state/loader.ts'

export const useOwnSessionsStore = defineStore('own-sessions', () => {
  const api = useApi()
  const list = shallowRef<OwnSession[]>([])
  const loader = createLoader(async () => {
    list.value = (await api.call('auth.sessions')).sessions
  })
  return {
    ...loader,
    list,
    async end(id: OwnSession['id']): Promise<true> {
      await api.call('auth.end_session', { params: { id } })
      list.value = list.value.filter((session) => session.id !== id)
      return true
    },
  }
})
