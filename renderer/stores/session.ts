/** Who is signed in. */
import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import type { User } from '#shared/contract/entities.ts'
import { useApi } from '../api/index.ts'

export type SessionPhase = 'starting' | 'unreachable' | 'setup' | 'signed_out' | 'signed_in'

export const useSessionStore = defineStore('session', () => {
  const api = useApi()
  const phase = ref<SessionPhase>('starting')
  const user = shallowRef<User | null>(null)
  /** True after a session ended by itself: the sign-in page says why it is there. */
  const ended = ref(false)

  api.session.onLost(() => {
    ended.value = phase.value === 'signed_in'
    user.value = null
    phase.value = 'signed_out'
  })

  /** Finds out where things stand: first account, kept session, or sign-in. */
  async function start(): Promise<void> {
    phase.value = 'starting'
    try {
      const { setup_needed } = await api.call('auth.state')
      if (setup_needed) {
        phase.value = 'setup'
        return
      }
      const session = await api.session.renew()
      user.value = session?.user ?? null
      phase.value = session ? 'signed_in' : 'signed_out'
    } catch {
      phase.value = 'unreachable'
    }
  }

  async function setUp(username: string, password: string): Promise<void> {
    const session = await api.call('auth.setup', { body: { username, password } })
    await api.session.keep(session)
    user.value = session.user
    phase.value = 'signed_in'
  }

  async function signIn(username: string, password: string): Promise<void> {
    const session = await api.call('auth.login', { body: { username, password } })
    await api.session.keep(session)
    user.value = session.user
    ended.value = false
    phase.value = 'signed_in'
  }

  async function leave(): Promise<void> {
    await api.session.forget()
    user.value = null
    ended.value = false
    phase.value = 'signed_out'
  }

  /** Signs out here even when the controller cannot be told. */
  async function signOut(): Promise<void> {
    await api.call('auth.logout').catch(() => undefined)
    await leave()
  }

  async function signOutEverywhere(): Promise<void> {
    await api.call('auth.logout_all')
    await leave()
  }

  return {
    phase,
    user,
    ended,
    isAdmin: computed(() => user.value?.role === 'admin'),
    start,
    setUp,
    signIn,
    signOut,
    signOutEverywhere,
  }
})
