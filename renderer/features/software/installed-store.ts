/** The search for what is installed on the PCs: one question at a time, and only the last one's answer is shown. */
import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import type { RouteReply } from '#shared/contract/rest/routes.ts'
import { toFailure } from '../../api/failure.ts'
import { useApi } from '../../api/index.ts'
import type { Failure } from '../../ui/lib/error-text.ts'
import { groupPrograms } from './installed.ts'
import type { LoadState } from '../../ui/lib/load-state.ts'

/** One letter is in everything. */
export const MIN_LETTERS = 2
/** So long nobody types before it is asked. */
const PAUSE_MS = 250
/** Inventories that arrive are looked at together. */
const NEWS_MS = 3_000

export const useInstalledStore = defineStore('installed', () => {
  const api = useApi()
  const query = ref('')
  const state = ref<LoadState>('idle')
  const failure = shallowRef<Failure | null>(null)
  const answer = shallowRef<RouteReply<'inventory.software'> | null>(null)
  let timer: ReturnType<typeof setTimeout> | undefined
  let asking: Promise<void> | null = null
  /** Counts what made a question that is on its way too old. */
  let news = 0
  /** What the answer on the screen is to. */
  let answered = ''

  async function ask(): Promise<void> {
    for (;;) {
      const [asOf, name] = [news, query.value]
      // While somebody types it is asked once he pauses.
      if (name.length < MIN_LETTERS || timer !== undefined) return
      try {
        const reply = await api.call('inventory.software', { query: { name } })
        if (news !== asOf) continue
        answer.value = reply
        answered = name
        failure.value = null
        state.value = 'ready'
      } catch (error) {
        if (news !== asOf) continue
        if (state.value === 'ready' && answered === name) return
        // Another question's answer must not stand below this one.
        answer.value = null
        failure.value = toFailure(error)
        state.value = 'failed'
      }
      return
    }
  }
  /** Asks at once. Never rejects: a failure is kept for the page to show. */
  async function load(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    news++
    if (state.value === 'failed') state.value = 'loading'
    await (asking ??= ask().finally(() => (asking = null)))
  }
  function later(waitMs: number): void {
    clearTimeout(timer)
    timer = setTimeout(() => void load(), waitMs)
  }
  function reset(): void {
    clearTimeout(timer)
    timer = undefined
    news++
    query.value = ''
    state.value = 'idle'
    failure.value = null
    answer.value = null
  }

  return {
    query,
    state,
    failure,
    answer,
    programs: computed(() => groupPrograms(answer.value?.software ?? [])),
    /** Looks for it once nobody has typed for a moment. What is on the screen stays there meanwhile. */
    find(text: string) {
      const wanted = text.trim()
      if (wanted === query.value) return
      if (wanted.length < MIN_LETTERS) {
        reset()
        query.value = wanted
        return
      }
      query.value = wanted
      news++
      if (state.value !== 'ready') state.value = 'loading'
      later(PAUSE_MS)
    },
    /** Some PC has told something new: look again soon. */
    refresh() {
      if (state.value === 'ready' && timer === undefined) later(NEWS_MS)
    },
    load,
    reset,
  }
})
