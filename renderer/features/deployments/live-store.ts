/** The deployment on screen: its targets and their transfer speeds. */
import { defineStore } from 'pinia'
import { computed, ref, shallowRef, triggerRef } from 'vue'
import type { TargetsUpdated } from '#shared/contract/feed.ts'
import type { Deployment, Target } from '#shared/contract/rest/deployments.ts'
import type { ReportSeparator } from '#shared/contract/rest/deployment-requests.ts'
import type { DeploymentId, DeviceId, TargetId } from '#shared/domain/ids.ts'
import { chooseInstaller } from '#shared/domain/platforms.ts'
import { useApi } from '../../api/index.ts'
import { controllerNow } from '../../ui/lib/controller-clock.ts'
import { createSpeedMeter } from '../../ui/lib/speed.ts'
import type { SpeedMeter } from '../../ui/lib/speed.ts'
import { isActive } from '../../ui/lib/states.ts'
import { useDeploymentsStore } from './deployments-store.ts'
import { useDevicesStore } from '../devices/index.ts'
import { createLoader } from '../../state/loader.ts'
import { useSoftwareStore } from '../software/index.ts'

/** The download is one request, however long it takes. */
const REPORT_TIMEOUT_MS = 60_000
/** While feed events keep arriving, accept the answer after this many requests; the feed brings the rest. */
const MAX_ASKS = 4

export const useLiveStore = defineStore('live', () => {
  const api = useApi()
  const deployments = useDeploymentsStore()
  const library = useSoftwareStore()
  const devices = useDevicesStore()
  const id = ref<DeploymentId | null>(null)
  const targets = shallowRef(new Map<TargetId, Target>())
  const meters = new Map<TargetId, SpeedMeter>()

  /** Counts feed events: an answer requested before an event may be older than the event. */
  let eventCount = 0

  const loader = createLoader(async () => {
    const wanted = id.value
    if (wanted === null) return
    const ask = () =>
      Promise.all([
        api.call('deployments.get', { params: { id: wanted } }),
        api.call('deployments.progress', { params: { id: wanted } }, { timeoutMs: 30_000 }),
      ])
    let answer: Awaited<ReturnType<typeof ask>>
    let tries = 0
    let before: [number, Deployment | undefined]
    do {
      before = [eventCount, deployments.byId.get(wanted)]
      answer = await ask()
      if (id.value !== wanted) return
    } while (
      ++tries < MAX_ASKS &&
      (before[0] !== eventCount || before[1] !== deployments.byId.get(wanted))
    )
    const [deployment, progress] = answer
    deployments.put(deployment)
    targets.value = new Map(progress.targets.map((t) => [t.id, t]))
    progress.targets.forEach(measure)
  })

  /** Like `load`, but skips the targets of an ended deployment that is unchanged. */
  async function refresh(): Promise<void> {
    const known = deployment.value
    if (known && loader.state.value === 'ready' && !isActive(known.status)) {
      const now = await api.call('deployments.get', { params: { id: known.id } }).catch(() => null)
      if (now === null || JSON.stringify(now) === JSON.stringify(known)) return
    }
    if (id.value !== null) await loader.load()
  }

  /** Shows another deployment. */
  async function open(next: DeploymentId): Promise<void> {
    if (id.value !== next) {
      id.value = next
      targets.value = new Map()
      meters.clear()
      loader.reset()
    }
    await loader.load()
  }

  function measure(target: Target): void {
    if (target.deployment_status !== 'downloading' || target.bytes === undefined) {
      meters.delete(target.id)
      return
    }
    const meter = meters.get(target.id) ?? createSpeedMeter()
    meter.read(target.bytes, controllerNow())
    meters.set(target.id, meter)
  }

  /** Reloads when the targets change: they were decided at the start, or the groups of the preview changed. */
  function applyDeployment(next: Deployment): void {
    const known = deployments.byId.get(next.id)
    if (next.id !== id.value || !known?.targets_are_preview) return
    if (!next.targets_are_preview || next.device_count !== known.device_count) void loader.reload()
  }

  function applyTargets(update: TargetsUpdated): void {
    if (update.deployment_id !== id.value) return
    eventCount++
    for (const target of update.targets) {
      targets.value.set(target.id, target)
      measure(target)
    }
    triggerRef(targets)
  }

  async function retry(targetIds?: TargetId[]): Promise<void> {
    if (id.value === null) return
    deployments.put(
      await api.call('deployments.retry', {
        params: { id: id.value },
        body: targetIds ? { target_ids: targetIds } : {},
      }),
    )
    await loader.load()
  }

  const deployment = computed<Deployment | null>(() =>
    id.value === null ? null : (deployments.byId.get(id.value) ?? null),
  )
  return {
    ...loader,
    id,
    deployment,
    targets,
    list: computed(() => [...targets.value.values()]),
    open,
    refresh,
    applyDeployment,
    applyTargets,
    /** The speed of one target in bytes per second; null while unknown. */
    speedOf: (target: TargetId, nowMs: number) => meters.get(target)?.speed(nowMs) ?? null,
    /** The size of a target's download according to the library, in bytes; null if unknown. */
    sizeOf(target: Target): number | null {
      const installers = library.byId.get(target.software_id)?.installers ?? []
      const device = devices.byId.get(target.device_id)
      const installer = device ? chooseInstaller(installers, device) : installers[0]
      // A removal only needs a download if it runs a file from the archive.
      if (target.action === 'uninstall' && !installer?.archive?.uninstall_entry) return 0
      return installer?.size_bytes ?? null
    },
    /** The sum over all targets, in bytes per second. */
    totalSpeed: (nowMs: number) =>
      [...meters.values()].reduce((sum, meter) => sum + (meter.speed(nowMs) ?? 0), 0),
    cancel: async () => {
      if (id.value !== null) await deployments.cancel(id.value)
    },
    pause: async () => {
      if (id.value !== null) await deployments.pause(id.value)
    },
    resume: async () => {
      if (id.value !== null) await deployments.resume(id.value)
    },
    cancelRestarts: async (deviceIds?: DeviceId[]) => {
      if (id.value !== null) await deployments.cancelRestarts(id.value, deviceIds)
    },
    retry,
    /** Resumes as well, because a paused deployment starts no retries. */
    retryAndResume: async () => {
      const wanted = id.value
      await retry()
      if (wanted !== null) await deployments.resume(wanted)
    },
    /** The report as CSV text. */
    report: (deploymentId: DeploymentId, separator: ReportSeparator) =>
      api.call(
        'deployments.report',
        { params: { id: deploymentId }, query: { separator } },
        { timeoutMs: REPORT_TIMEOUT_MS },
      ),
    /** The report as an Excel workbook. */
    workbook: async (deploymentId: DeploymentId): Promise<Blob> =>
      (await api.download('deployments.workbook', { params: { id: deploymentId } })).blob,
  }
})
