/** An action that a user starts: whether it is running, and its failure, to be shown where it was started. */
import { ref, shallowRef } from 'vue'
import type { Ref, ShallowRef } from 'vue'
import { toFailure } from '../api/failure.ts'
import type { Failure } from '../ui/lib/error-text.ts'

export type Action<A extends unknown[], R> = {
  busy: Ref<boolean>
  failure: ShallowRef<Failure | null>
  /** Resolves to null when it failed (see `failure`) or is already running. */
  run: (...args: A) => Promise<R | null>
  clear: () => void
}

export function useAction<A extends unknown[], R>(act: (...args: A) => Promise<R>): Action<A, R> {
  const busy = ref(false)
  const failure = shallowRef<Failure | null>(null)
  return {
    busy,
    failure,
    async run(...args) {
      if (busy.value) return null
      busy.value = true
      failure.value = null
      try {
        return await act(...args)
      } catch (error) {
        failure.value = toFailure(error)
        return null
      } finally {
        busy.value = false
      }
    },
    clear: () => (failure.value = null),
  }
}
