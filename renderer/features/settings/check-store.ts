/** The full check of the controller: start, progress and findings. Administrators only. */
import { defineStore } from 'pinia'
import { computed, onScopeDispose, shallowRef } from 'vue'
import type { CheckStatus } from '#shared/contract/rest/check.ts'
import { useApi } from '../../api/index.ts'
import { createLoader } from '../../state/loader.ts'

/** Polling interval of a running check. */
export const LOOK_EVERY_MS = 700

export const useCheckStore = defineStore('check', () => {
  const api = useApi()
  const status = shallowRef<CheckStatus | null>(null)
  let timer: ReturnType<typeof setTimeout> | undefined
  /** True while a page shows it; polling is only needed then. */
  let isWatched = false

  const loader = createLoader(async () => {
    take(await api.call('controller.check'))
  })
  function take(next: CheckStatus): void {
    status.value = next
    lookAgain()
  }
  function lookAgain(): void {
    clearTimeout(timer)
    if (!isWatched || status.value?.state !== 'running') return
    // After a failed poll the last status stays, and the next poll may succeed.
    timer = setTimeout(() => void loader.load().finally(lookAgain), LOOK_EVERY_MS)
  }
  onScopeDispose(() => clearTimeout(timer))

  return {
    ...loader,
    status,
    isRunning: computed(() => status.value?.state === 'running'),
    /** Loads the status, and polls a running check until `unwatch`. */
    watch(): Promise<void> {
      isWatched = true
      return loader.load()
    },
    unwatch(): void {
      isWatched = false
      clearTimeout(timer)
    },
    async start() {
      take(await api.call('controller.start_check'))
      return true
    },
    async cancel() {
      take(await api.call('controller.cancel_check'))
      return true
    },
  }
})
