/** The controller's keys and its recovery file. Administrators only. */
import { defineStore } from 'pinia'
import { shallowRef } from 'vue'
import type { ControllerIdentityView } from '#shared/contract/rest/controller-routes.ts'
import { useApi } from '../../api/index.ts'
import { useEnrollmentsStore } from '../devices/index.ts'
import { useHubStore } from './hub-store.ts'
import { createLoader } from '../../state/loader.ts'

/** The controller syncs new keys to disk before it answers. */
const ROTATE_TIMEOUT_MS = 60_000

export const useIdentityStore = defineStore('identity', () => {
  const api = useApi()
  const hub = useHubStore()
  const enrollments = useEnrollmentsStore()
  const view = shallowRef<ControllerIdentityView | null>(null)
  const loader = createLoader(async () => {
    view.value = await api.call('controller.identity')
  })
  return {
    ...loader,
    view,
    async rotate(which: { tls: boolean; command: boolean }) {
      const options = { timeoutMs: ROTATE_TIMEOUT_MS }
      view.value = await api.call('controller.rotate', { body: which }, options)
      // The hub now has another key, and codes with the old one are revoked.
      void hub.load()
      void enrollments.load()
      return view.value
    },
    /** Resolves to the file for an immediate download: the controller keeps no copy. */
    async saveRecoveryFile(passphrase: string) {
      const file = await api.download('controller.save_recovery', { body: { passphrase } })
      await loader.load()
      return file
    },
  }
})
