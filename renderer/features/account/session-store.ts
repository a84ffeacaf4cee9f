/** Who is signed in. */
import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import type { User } from '#shared/contract/rest/entities.ts'
import { useApi } from '../../api/index.ts'

export type SessionPhase =
  'starting' | 'unreachable' | 'setup' | 'signed_out' | 'must_change' | 'signed_in'

export const useSessionStore = defineStore('session', () => {
  const api = useApi()
  const phase = ref<SessionPhase>('starting')
  const user = shallowRef<User | null>(null)
  /** True after a session ended by itself: the sign-in page says why it is there. */
  const ended = ref(false)
  /** The first account needs a code that a person has to type: the desktop's own window has it from the app. */
  const asksForSetupCode = ref(false)
  const typedSetupCode = ref('')
  /** What the first account, or a restore in its place, has to repeat. */
  const setupCode = (): string | undefined =>
    api.shell.setupCode ?? (typedSetupCode.value.trim() || undefined)

  api.session.onLost(() => {
    ended.value = phase.value === 'signed_in' || phase.value === 'must_change'
    user.value = null
    phase.value = 'signed_out'
  })

  /** A password that somebody else chose comes first. */
  function enter(who: User): void {
    user.value = who
    phase.value = who.must_change_password ? 'must_change' : 'signed_in'
  }

  /** Finds out where things stand: first account, kept session, or sign-in. */
  async function start(): Promise<void> {
    phase.value = 'starting'
    try {
      const { setup_needed, setup_code_needed } = await api.call('auth.state')
      if (setup_needed) {
        asksForSetupCode.value = (setup_code_needed ?? false) && api.shell.setupCode === null
        phase.value = 'setup'
        return
      }
      const session = await api.session.renew()
      if (session) enter(session.user)
      else phase.value = 'signed_out'
    } catch {
      phase.value = 'unreachable'
    }
  }

  async function setUp(username: string, password: string): Promise<void> {
    const setup_code = setupCode()
    const body = { username, password, ...(setup_code !== undefined && { setup_code }) }
    const session = await api.call('auth.setup', { body })
    await api.session.keep(session)
    enter(session.user)
  }

  async function signIn(username: string, password: string): Promise<void> {
    const session = await api.call('auth.login', { body: { username, password } })
    await api.session.keep(session)
    ended.value = false
    enter(session.user)
  }

  /** One's own; whoever else is signed in as this user is signed out. */
  async function changePassword(oldPassword: string, newPassword: string): Promise<true> {
    enter(
      await api.call('auth.password', {
        body: { old_password: oldPassword, new_password: newPassword },
      }),
    )
    return true
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
    asksForSetupCode,
    typedSetupCode,
    setupCode,
    isAdmin: computed(() => user.value?.role === 'admin'),
    start,
    setUp,
    signIn,
    changePassword,
    signOut,
    signOutEverywhere,
  }
})
