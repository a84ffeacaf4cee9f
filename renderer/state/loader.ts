/** Fetching for a store: one request at a time, first-time state apart from silent refreshes. */
import { ref, shallowRef } from 'vue'
import type { Ref, ShallowRef } from 'vue'
import { toFailure } from '../api/failure.ts'
import type { Failure } from '../ui/lib/error-text.ts'
import type { LoadState } from '../ui/lib/load-state.ts'

export type Loader = {
  state: Ref<LoadState>
  failure: ShallowRef<Failure | null>
  /** Fetches (again). Never rejects: a failure is kept for the page to show. */
  load: () => Promise<void>
  /** Fetches unless it is there or on its way. */
  ensure: () => Promise<void>
  /** Fetches after news: an answer that is on its way may be older than they are. */
  reload: () => Promise<void>
  reset: () => void
  /** Something newer than an answer on its way was applied: that answer is fetched again. */
  touch: () => void
}

/** A list that changes faster than it can be fetched is shown as it was last: the next news fetches it again. */
const FETCHES_MAX = 5

export function createLoader(fetchAll: () => Promise<void>): Loader {
  const state = ref<LoadState>('idle')
  const failure = shallowRef<Failure | null>(null)
  let running: Promise<void> | null = null
  let touched = false

  async function once(): Promise<void> {
    if (state.value !== 'ready') state.value = 'loading'
    try {
      // An answer may be older than what was applied while it was on its way.
      for (let fetches = 0; fetches < FETCHES_MAX; fetches++) {
        touched = false
        await fetchAll()
        if (!touched) break
      }
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
