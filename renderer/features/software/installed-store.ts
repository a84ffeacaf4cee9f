/** The search for installed software: one request at a time, and only the latest answer is shown. */
import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import type { RouteReply } from '#shared/contract/rest/routes.ts'
import { toFailure } from '../../api/failure.ts'
import { useApi } from '../../api/index.ts'
import type { Failure } from '../../ui/lib/error-text.ts'
import { groupPrograms } from './installed.ts'
import type { LoadState } from '../../ui/lib/load-state.ts'

/** A single letter would match everything. */
export const MIN_LETTERS = 2
/** Entries on the page: a search that finds more has to search for a longer part of the name. */
const SHOWN = 100
/** The pause in typing before a request is sent. */
const PAUSE_MS = 250
/** Debounce: inventories that arrive within this time cause one request. */
const NEWS_MS = 3_000

export const useInstalledStore = defineStore('installed', () => {
  const api = useApi()
  const query = ref('')
  const state = ref<LoadState>('idle')
  const failure = shallowRef<Failure | null>(null)
  const answer = shallowRef<RouteReply<'inventory.software'> | null>(null)
  let timer: ReturnType<typeof setTimeout> | undefined
  let asking: Promise<void> | null = null
  /** Incremented when a request in flight becomes outdated. */
  let generation = 0
  /** The query that the answer on screen belongs to. */
  let answered = ''

  async function ask(): Promise<void> {
    for (;;) {
      const [asOf, name] = [generation, query.value]
      // While the user types, wait for a pause.
      if (name.length < MIN_LETTERS || timer !== undefined) return
      try {
        const reply = await api.call('inventory.software', { query: { name, limit: SHOWN } })
        if (generation !== asOf) continue
        answer.value = reply
        answered = name
        failure.value = null
        state.value = 'ready'
      } catch (error) {
        if (generation !== asOf) continue
        if (state.value === 'ready' && answered === name) return
        // The results of another query must not be shown with this failure.
        answer.value = null
        failure.value = toFailure(error)
        state.value = 'failed'
      }
      return
    }
  }
  /** Sends the query now. Never rejects: the failure is kept for the page to show. */
  async function load(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    generation++
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
    generation++
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
    /** Searches after a pause in typing. The results on screen stay meanwhile. */
    find(text: string) {
      const wanted = text.trim()
      if (wanted === query.value) return
      if (wanted.length < MIN_LETTERS) {
        reset()
        query.value = wanted
        return
      }
      query.value = wanted
      generation++
      if (state.value !== 'ready') state.value = 'loading'
      later(PAUSE_MS)
    },
    /** Reloads soon, because a PC has reported new inventory. */
    refresh() {
      if (state.value === 'ready' && timer === undefined) later(NEWS_MS)
    },
    load,
    reset,
  }
})
