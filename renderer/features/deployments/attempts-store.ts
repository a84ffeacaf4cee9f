/** All attempts of one target, oldest first. */
import { defineStore } from 'pinia'
import { shallowRef } from 'vue'
import type { Attempt } from '#shared/contract/rest/deployments.ts'
import type { DeploymentId, TargetId } from '#shared/domain/ids.ts'
import { useApi } from '../../api/index.ts'
import { createLoader } from '../../state/loader.ts'

export const useAttemptsStore = defineStore('attempts', () => {
  const api = useApi()
  const of = shallowRef<{ deployment: DeploymentId; target: TargetId } | null>(null)
  const list = shallowRef<Attempt[]>([])
  const loader = createLoader(fetchAttempts)
  async function fetchAttempts(): Promise<void> {
    const wanted = of.value
    if (!wanted) return
    const { attempts } = await api.call('deployments.attempts', {
      params: { id: wanted.deployment, target_id: wanted.target },
    })
    // Another target was opened meanwhile.
    if (of.value !== wanted) return await fetchAttempts()
    list.value = attempts
  }
  return {
    ...loader,
    list,
    async open(deployment: DeploymentId, target: TargetId) {
      if (of.value?.target !== target || of.value.deployment !== deployment) {
        of.value = { deployment, target }
        list.value = []
        loader.reset()
      }
      await loader.load()
    },
    close() {
      of.value = null
      list.value = []
    },
  }
})
