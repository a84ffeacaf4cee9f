/** Restoring a controller from its recovery file, before there is an account. */
import { defineStore } from 'pinia'
import { ref, shallowRef } from 'vue'
import { toFailure } from '../../api/failure.ts'
import { useApi } from '../../api/index.ts'
import type { Failure } from '../../ui/lib/error-text.ts'
import { useSessionStore } from './session-store.ts'

/**
 * `proving`: the upload is complete, the controller unpacks and verifies it. `restarting`: it restarts as the restored
 * controller. `by_hand`: someone has to start it again. `not_back`: it did not come back in time.
 */
export type RestoreStage = 'form' | 'sending' | 'proving' | 'restarting' | 'by_hand' | 'not_back'

const POLL_MS = 1_000
const ANSWER_LIMIT_MS = 5_000
export const RESTART_LIMIT_MS = 90_000

export const useRestoreStore = defineStore('restore', () => {
  const api = useApi()
  const session = useSessionStore()
  const stage = ref<RestoreStage>('form')
  const failure = shallowRef<Failure | null>(null)
  const sentBytes = ref(0)
  const sizeBytes = ref(0)
  let abort = new AbortController()

  async function isRestored(): Promise<boolean> {
    const limit = { timeoutMs: ANSWER_LIMIT_MS }
    // It does not answer while it restarts; before that, the empty controller still does.
    const state = await api.call('auth.state', undefined, limit).catch(() => null)
    return state?.setup_needed === false
  }
  /** Polls until the restored controller answers at the same address. The desktop app's window has closed by then. */
  async function awaitRestart(): Promise<void> {
    stage.value = 'restarting'
    const untilMs = performance.now() + RESTART_LIMIT_MS
    while (performance.now() < untilMs) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
      if (!(await isRestored())) continue
      stage.value = 'form'
      return session.start()
    }
    stage.value = 'not_back'
  }

  /** @param revoke create new keys, because someone else may have the old computer */
  async function start(file: File, passphrase: string, revoke: boolean): Promise<void> {
    if (stage.value !== 'form') return
    abort = new AbortController()
    failure.value = null
    stage.value = 'sending'
    sentBytes.value = 0
    sizeBytes.value = file.size
    try {
      const setup_code = session.setupCode()
      const request = {
        file,
        fields: {
          passphrase,
          revoke: revoke ? 'true' : 'false',
          ...(setup_code !== undefined && { setup_code }),
        },
        signal: abort.signal,
        onProgress(sent: number, total: number) {
          sentBytes.value = sent
          if (sent >= total && stage.value === 'sending') stage.value = 'proving'
        },
      }
      const { restarting } = await api.upload('controller.restore', {}, request)
      if (!restarting) stage.value = 'by_hand'
    } catch (error) {
      stage.value = 'form'
      const problem = toFailure(error)
      if (problem.code !== 'E_CANCELED') failure.value = problem
      // Someone else created the first account: go to the sign-in page.
      if (problem.code === 'E_SETUP_DONE') await session.start()
      return
    }
    if (stage.value !== 'by_hand') await awaitRestart()
  }

  return { stage, failure, sentBytes, sizeBytes, start, awaitRestart, cancel: () => abort.abort() }
})
