/** All deployments, newest first, updated by the feed. */
import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import type { DeploymentCompleted, TargetsUpdated } from '#shared/contract/feed.ts'
import type { Deployment } from '#shared/contract/rest/deployments.ts'
import type { DeploymentId, DeviceId } from '#shared/domain/ids.ts'
import { useApi } from '../../api/index.ts'
import { isActive } from '../../ui/lib/states.ts'
import { createLoader } from '../../state/loader.ts'

const PAGE_SIZE = 200

export const useDeploymentsStore = defineStore('deployments', () => {
  const api = useApi()
  const byId = shallowRef(new Map<DeploymentId, Deployment>())
  const total = ref(0)
  const loader = createLoader(async () => {
    const before = byId.value
    const reply = await api.call('deployments.list', { query: { limit: PAGE_SIZE } })
    const next = new Map(reply.deployments.map((d) => [d.id, d]))
    // Feed events that arrived meanwhile are newer than the answer.
    for (const [id, d] of byId.value) if (before.get(id) !== d) next.set(id, d)
    byId.value = next
    total.value = reply.total
  })

  function put(deployment: Deployment): Deployment {
    if (!byId.value.has(deployment.id)) total.value++
    byId.value = new Map(byId.value).set(deployment.id, deployment)
    return deployment
  }
  function patch(id: DeploymentId, change: Partial<Deployment>): void {
    const known = byId.value.get(id)
    if (known) byId.value = new Map(byId.value).set(id, { ...known, ...change })
  }
  /** Loads the next page of older deployments. */
  async function loadMore(): Promise<void> {
    const reply = await api.call('deployments.list', {
      query: { limit: PAGE_SIZE, offset: byId.value.size },
    })
    const next = new Map(byId.value)
    for (const d of reply.deployments) next.set(d.id, d)
    byId.value = next
    total.value = reply.total
  }

  const list = computed(() => [...byId.value.values()].sort((a, b) => b.id - a.id))
  return {
    ...loader,
    byId,
    list,
    total,
    active: computed(() => list.value.filter((d) => isActive(d.status))),
    /** The deployments that an emergency stop affects. */
    stoppable: computed(() => list.value.filter((d) => isActive(d.status) && !d.canceling)),
    loadMore,
    put,
    applyTargets: (update: TargetsUpdated) =>
      patch(update.deployment_id, { counts: update.counts }),
    applyCompleted: (done: DeploymentCompleted) =>
      patch(done.deployment_id, { status: done.status, ended_at: done.ended_at, canceling: false }),
    cancel: async (id: DeploymentId) =>
      put(await api.call('deployments.cancel', { params: { id } })),
    /** Cancels pending restarts of a deployment: for these devices, or for all. */
    cancelRestarts: async (id: DeploymentId, deviceIds?: DeviceId[]) =>
      put(
        await api.call('deployments.cancel_restarts', {
          params: { id },
          body: deviceIds ? { device_ids: deviceIds } : {},
        }),
      ),
    pause: async (id: DeploymentId) => put(await api.call('deployments.pause', { params: { id } })),
    resume: async (id: DeploymentId) =>
      put(await api.call('deployments.resume', { params: { id } })),
    /** Emergency stop. Resolves to the number of stopped deployments; the feed reports their new state. */
    stopAll: async () => (await api.call('deployments.stop_all')).stopped.length,
  }
})
