/**
 * What the shell shows of the controller, collected from its feed at most once a second: the basis
 * for the tray, the tooltip and whether the computer must stay awake.
 */
import type { Controller } from '../controller/compose/index.ts'
import type { DeploymentCompleted, DeploymentPaused } from '#shared/contract/feed.ts'
import type { DeploymentId } from '#shared/domain/ids.ts'
import type { Cancel, Clock } from '#shared/node/clock.ts'

export type Activity = ReturnType<Controller['activity']>
export type UnseenFailure = {
  id: DeploymentId
  name: string
  failed: number
  /** It was paused by failures and waits for a decision. */
  isPaused: boolean
}
export type Pulse = {
  /** `HOST:PORT` where agents find the hub. */
  hubAddress: string
  activity: Activity
  /** Deployments with failures, or paused by them, that no user has looked at yet; oldest first. */
  unseen: readonly UnseenFailure[]
}

/** What the user sees of the console. */
export type Look = { deployment: DeploymentId } | 'deployments'

const MIN_INTERVAL_MS = 1_000
/** Recovers from a lost event within this time. */
const TICK_MS = 15_000
const MAX_UNSEEN = 50

/** The page of the console at an address, as far as it matters here. Pure. */
export function lookOf(address: string): Look | null {
  const route = address.split('#', 2)[1] ?? ''
  const [path] = route.split('?', 1)
  if (/^\/deployments\/?$/.test(path ?? '')) return 'deployments'
  const id = /^\/deployments\/([1-9]\d{0,15})(?:\/|$)/.exec(path ?? '')?.[1]
  return id ? { deployment: Number(id) as DeploymentId } : null
}

export type PulseWatch = ReturnType<typeof watchPulse>

/**
 * @param onBeat called at the start and after changes, at most once a second
 * @param onCompleted called immediately for each deployment that ends
 * @param onPaused called immediately for each deployment that is paused by failures
 * @param isLookedAt whether the user sees this deployment now
 */
export function watchPulse(deps: {
  controller: Pick<Controller, 'activity' | 'subscribe' | 'hubUrl'>
  clock: Pick<Clock, 'monotonicMs' | 'setTimer' | 'repeat'>
  onBeat: (pulse: Pulse) => void
  onCompleted: (ended: DeploymentCompleted) => void
  onPaused: (paused: DeploymentPaused) => void
  isLookedAt: (id: DeploymentId) => boolean
}) {
  const { controller, clock } = deps
  let hubAddress = new URL(controller.hubUrl).host
  const unseen = new Map<DeploymentId, UnseenFailure>()
  let shown = ''
  let cancelBeat: Cancel | null = null
  let lastBeatMs = 0

  function beat(): void {
    cancelBeat?.()
    cancelBeat = null
    lastBeatMs = clock.monotonicMs()
    const pulse = { hubAddress, activity: controller.activity(), unseen: [...unseen.values()] }
    const key = JSON.stringify(pulse)
    if (key === shown) return
    shown = key
    deps.onBeat(pulse)
  }
  const soon = (): void => {
    cancelBeat ??= clock.setTimer(
      Math.max(0, lastBeatMs + MIN_INTERVAL_MS - clock.monotonicMs()),
      beat,
    )
  }

  function completed(ended: DeploymentCompleted): void {
    const { deployment_id: id, deployment_name: name, failure_count: failed } = ended
    unseen.delete(id)
    if (['failed', 'partial'].includes(ended.status)) mark({ id, name, failed, isPaused: false })
    deps.onCompleted(ended)
    soon()
  }

  function paused(event: DeploymentPaused): void {
    const { deployment_id: id, deployment_name: name, failure_count: failed } = event
    unseen.delete(id)
    mark({ id, name, failed, isPaused: true })
    deps.onPaused(event)
    soon()
  }

  /** Keeps it until a user looks at it. The oldest are dropped. */
  function mark(failure: UnseenFailure): void {
    if (deps.isLookedAt(failure.id)) return
    unseen.set(failure.id, failure)
    const [oldest] = unseen.keys()
    if (unseen.size > MAX_UNSEEN && oldest) unseen.delete(oldest)
  }

  const unsubscribe = controller.subscribe({
    deployment_completed: completed,
    deployment_paused: paused,
    deployment_updated({ id, status, paused: isPaused }) {
      // A user has resumed or retried it, so they know.
      if (status === 'in_progress' && !isPaused) unseen.delete(id)
    },
    hub_updated({ addresses }) {
      hubAddress = addresses[0] ?? hubAddress
    },
    changed: soon,
  })
  // Paused before this start: the decision is still open.
  for (const { id, name, failed, is_paused_by_failures } of controller.activity()
    .active_deployments)
    if (is_paused_by_failures) mark({ id, name, failed, isPaused: true })
  const stopTick = clock.repeat(TICK_MS, soon)
  beat()

  return {
    /**
     * The user sees this, so its failures need no mark any more. The list of deployments shows all
     * of them.
     */
    looked(look: Look): void {
      if (look === 'deployments') unseen.clear()
      else unseen.delete(look.deployment)
      soon()
    },
    stop(): void {
      unsubscribe()
      stopTick()
      cancelBeat?.()
    },
  }
}
