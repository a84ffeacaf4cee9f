/** Fetching for a store: one request at a time, with separate states for the first load and silent refreshes. */
import { ref, shallowRef } from 'vue'
import type { Ref, ShallowRef } from 'vue'
import { toFailure } from '../api/failure.ts'
import type { Failure } from '../ui/lib/error-text.ts'
import type { LoadState } from '../ui/lib/load-state.ts'

export type Loader = {
  state: Ref<LoadState>
  failure: ShallowRef<Failure | null>
  /** Fetches (again). Never rejects: the failure is kept for the page to show. */
  load: () => Promise<void>
  /** Fetches unless the data is loaded or loading. */
  ensure: () => Promise<void>
  /** Fetches after a change: an answer already in flight may be older. */
  reload: () => Promise<void>
  reset: () => void
  /** Call it when newer data than a pending answer was applied: that answer is fetched again. */
  touch: () => void
}

/** Stops refetching a list that changes faster than it can be fetched; the next change fetches it again. */
const FETCHES_MAX = 5

export function createLoader(fetchAll: () => Promise<void>): Loader {
  const state = ref<LoadState>('idle')
  const failure = shallowRef<Failure | null>(null)
  let running: Promise<void> | null = null
  let touched = false

  async function once(): Promise<void> {
    if (state.value !== 'ready') state.value = 'loading'
    try {
      // An answer may be older than data applied while it was in flight.
      for (let fetches = 0; fetches < FETCHES_MAX; fetches++) {
        touched = false
        await fetchAll()
        if (!touched) break
      }
      state.value = 'ready'
      failure.value = null
    } catch (error) {
      failure.value = toFailure(error)
      // Keep showing old data: a failed refresh does not empty a list.
      if (state.value !== 'ready') state.value = 'failed'
    }
  }
  const load = () => (running ??= once().finally(() => (running = null)))
  return {
    state,
    failure,
    load,
    reload: () => {
      touched = true
      return load()
    },
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
