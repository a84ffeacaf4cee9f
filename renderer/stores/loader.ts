/** Fetching for a store: one request at a time, first-time state apart from silent refreshes. */
import { ref, shallowRef } from 'vue'
import type { Ref, ShallowRef } from 'vue'
import { toFailure } from '../api/failure.ts'
import type { Failure } from '../lib/error-text.ts'

export type LoadState = 'idle' | 'loading' | 'ready' | 'failed'
export type Loader = {
  state: Ref<LoadState>
  failure: ShallowRef<Failure | null>
  /** Fetches (again). Never rejects: a failure is kept for the page to show. */
  load: () => Promise<void>
  /** Fetches unless it is there or on its way. */
  ensure: () => Promise<void>
  reset: () => void
  /** Something newer than an answer on its way was applied: that answer is fetched again. */
  touch: () => void
}

export function createLoader(fetchAll: () => Promise<void>): Loader {
  const state = ref<LoadState>('idle')
  const failure = shallowRef<Failure | null>(null)
  let running: Promise<void> | null = null
  let touched = false

  async function once(): Promise<void> {
    if (state.value !== 'ready') state.value = 'loading'
    try {
      touched = false
      await fetchAll()
      // Once more, not without end: whatever changes all the time is told all the time.
      if (touched) await fetchAll()
      state.value = 'ready'
      failure.value = null
    } catch (error) {
      failure.value = toFailure(error)
      // What is on the screen stays there: a failed refresh does not empty a list.
      if (state.value !== 'ready') state.value = 'failed'
    }
  }
  const load = () => (running ??= once().finally(() => (running = null)))
  return {
    state,
    failure,
    load,
    ensure: async () => {
      if (state.value !== 'ready') await load()
    },
    touch: () => (touched = true),
    reset: () => {
      state.value = 'idle'
      failure.value = null
    },
  }
}
