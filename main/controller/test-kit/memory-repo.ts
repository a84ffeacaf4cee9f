/**
 * One deployment in memory, for simulations that run thousands of times: the part of the repository
 * that `plan`, `perform` and `reports` need. States change by the same table as in the store; an
 * unknown transition throws.
 */
import type { TargetCounts } from '#shared/domain/deployment-state.ts'
import type { AttemptId, DeviceId, InstallerId, SoftwareId, TargetId } from '#shared/domain/ids.ts'
import type { TargetReason } from '#shared/domain/reasons.ts'
import {
  isEnded,
  nextTargetState,
  type TargetEvent,
  type TargetState,
} from '#shared/domain/target-state.ts'
import type {
  AttemptRow,
  DeploymentRow,
  DeploymentsRepo,
  InstallerRow,
  OpenTargetRow,
  ReportedRow,
  TargetChange,
  TargetRow,
} from '../slices/deployments/tables/deployments.repo.ts'

export type MemoryAttempt = Pick<
  AttemptRow,
  'attempt_id' | 'target_id' | 'attempt' | 'ended_at' | 'reason'
>
/** Called with every change of a target's state, before it is made. */
export type OnStep = (target: TargetRow, to: TargetState, change: TargetChange) => void

export function createMemoryRepo(given: {
  deployment: DeploymentRow
  targets: TargetRow[]
  installers: Map<InstallerId, InstallerRow>
  /** The dependencies of each software. */
  needs: Map<SoftwareId, { id: SoftwareId; name: string }[]>
  onStep: OnStep
}) {
  const { deployment } = given
  const targets = new Map(given.targets.map((target) => [target.id, target]))
  const attempts = new Map<AttemptId, MemoryAttempt>()
  let changed = new Set<TargetId>()

  function set(id: TargetId, change: TargetChange & { deployment_status?: TargetState }): void {
    Object.assign(targets.get(id)!, change)
    changed.add(id)
  }
  const toOpen = (t: TargetRow): OpenTargetRow => ({ ...t, state: t.deployment_status })

  const repo = {
    byId: () => deployment,
    update: (_id: unknown, change: Partial<DeploymentRow>): void =>
      void Object.assign(deployment, change),
    counts: (): TargetCounts => deployment,
    installer: (id: InstallerId) => given.installers.get(id),
    needsWithin: () => given.needs,
    target: (id: TargetId) => targets.get(id),
    openTargets: () =>
      [...targets.values()].filter((t) => !isEnded(t.deployment_status)).map(toOpen),
    allTargets: () => [...targets.values()].map(toOpen),
    targetsById: (ids: Iterable<TargetId>) => [...ids].map((id) => toOpen(targets.get(id)!)),
    takeChanged(): ReadonlySet<TargetId> {
      const ids = changed
      changed = new Set()
      return ids
    },
    forgetChanged: (): void => void (changed = new Set()),
    step(
      { id, deployment_status: from }: Pick<TargetRow, 'id' | 'deployment_status'>,
      events: TargetEvent | readonly TargetEvent[],
      change: TargetChange,
    ): TargetState {
      const target = targets.get(id)!
      if (target.deployment_status !== from)
        throw new Error(`target ${id} is ${target.deployment_status}, not ${from}`)
      let to: TargetState = from
      for (const event of typeof events === 'string' ? [events] : events) {
        const next = nextTargetState(to, event)
        if (next === null) throw new Error(`${to} has no arrow for ${event}`)
        to = next
      }
      given.onStep(target, to, change)
      set(id, { ...change, deployment_status: to })
      if (from === to) return to
      deployment[from]--
      deployment[to]++
      if (to === 'completed') deployment.round_completed++
      if (to === 'failed') deployment.round_failed++
      // A late result: what was counted as a failure of this round was none.
      if (from === 'failed' && to === 'completed')
        deployment.round_failed = Math.max(0, deployment.round_failed - 1)
      return to
    },
    change: ({ id }: Pick<TargetRow, 'id'>, change: TargetChange): void => set(id, change),
    setWaitReason: (_id: unknown, ids: TargetId[], reason: TargetReason | null): void =>
      ids.forEach((id) => set(id, { reason })),
    openTargetsOfDevice: (id: DeviceId) =>
      [...targets.values()].filter((t) => t.device_id === id && !isEnded(t.deployment_status)),
    failedTargets: () => [...targets.values()].filter((t) => t.deployment_status === 'failed'),
    renewPatience(_id: unknown, untilMs: number): void {
      for (const t of targets.values())
        if (t.deployment_status === 'pending' && t.deadline_ms !== null)
          set(t.id, { deadline_ms: untilMs })
    },
    forgetOffers(): void {
      for (const t of targets.values())
        if (t.offered_at_ms !== null) set(t.id, { offered_at_ms: null })
    },
    addAttempt: (row: Pick<AttemptRow, 'attempt_id' | 'target_id' | 'attempt'>): void => {
      if (attempts.has(row.attempt_id)) throw new Error('an attempt is added twice')
      attempts.set(row.attempt_id, { ...row, ended_at: null, reason: null })
    },
    attempt: (id: AttemptId) => attempts.get(id),
    endAttempt: (id: AttemptId, end: Partial<AttemptRow>): void =>
      void Object.assign(attempts.get(id)!, end),
    reported(id: AttemptId): ReportedRow | undefined {
      const attempt = attempts.get(id)
      const target = attempt && targets.get(attempt.target_id)
      return (
        target && {
          ...target,
          attempt_id: id,
          target_id: target.id,
          attempt_ended_at: attempt.ended_at,
          attempt_reason: attempt.reason,
          live_attempt_id: target.attempt_id,
          live_attempt: target.attempt,
        }
      )
    },
  }
  return {
    ...repo,
    targets: targets as ReadonlyMap<TargetId, TargetRow>,
    attempts: attempts as ReadonlyMap<AttemptId, MemoryAttempt>,
    /** For the parts of the engine: they use no more of the repository than this. */
    asRepo: () => repo as unknown as DeploymentsRepo,
  }
}
export type MemoryRepo = ReturnType<typeof createMemoryRepo>
