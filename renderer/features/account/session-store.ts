/** The signed-in user. */
import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import type { User } from '#shared/contract/rest/users.ts'
import { useApi } from '../../api/index.ts'

export type SessionPhase =
  'starting' | 'unreachable' | 'setup' | 'signed_out' | 'must_change' | 'signed_in'

export const useSessionStore = defineStore('session', () => {
  const api = useApi()
  const phase = ref<SessionPhase>('starting')
  const user = shallowRef<User | null>(null)
  /** True after a session expired or was revoked, so that the sign-in page can say so. */
  const ended = ref(false)
  /** The user has to type a code to create the first account; the desktop window gets it from the app instead. */
  const asksForSetupCode = ref(false)
  const typedSetupCode = ref('')
  /** The code required for creating the first account or restoring. */
  const setupCode = (): string | undefined =>
    api.shell.setupCode ?? (typedSetupCode.value.trim() || undefined)

  api.session.onLost(() => {
    ended.value = phase.value === 'signed_in' || phase.value === 'must_change'
    user.value = null
    phase.value = 'signed_out'
  })

  /** A password set by someone else must be changed first. */
  function enter(who: User): void {
    user.value = who
    phase.value = who.must_change_password ? 'must_change' : 'signed_in'
  }

  /** Determines the first page: setup, the console (stored session), or sign-in. */
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

  /** Changes the user's own password and signs out their other sessions. */
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

  /** Signs out locally even if the controller cannot be reached. */
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
