/**
 * One deployment in memory, for simulations that run thousands of times. Rows change only by what the core wants written, along
 * the same state tables as in the store; an unknown transition throws.
 */
import { recounted } from '../slices/deployments/core/result.ts'
import type { NewAttempt } from '../slices/deployments/core/act.ts'
import {
  deploymentStateAfter,
  mergeTargetWrites,
  type Writes,
} from '../slices/deployments/core/writes.ts'
import type { OpenTargetReads } from '../slices/deployments/shell/open-targets.ts'
import type {
  AttemptRow,
  DeploymentRow,
  InstallerRow,
  OpenTargetRow,
  ReportedRow,
  TargetRow,
} from '../slices/deployments/tables/deployments.repo.ts'
import type { AttemptId, DeviceId, InstallerId, SoftwareId, TargetId } from '#shared/domain/ids.ts'
import type { TargetReason } from '#shared/domain/reasons.ts'
import { isEnded } from '#shared/domain/target-state.ts'

export type WorldAttempt = Pick<
  AttemptRow,
  'attempt_id' | 'target_id' | 'attempt' | 'ended_at' | 'reason'
>
export type WorldStore = ReturnType<typeof createWorldStore>

export function createWorldStore(given: {
  deployment: DeploymentRow
  targets: TargetRow[]
  installers: Map<InstallerId, InstallerRow>
  /** The dependencies of each software. */
  needs: Map<SoftwareId, { id: SoftwareId; name: string }[]>
  /** Called with each target whose state changes, before it does. */
  onStep: (target: TargetRow) => void
}) {
  const { deployment } = given
  const targets = new Map(given.targets.map((target) => [target.id, target]))
  const attempts = new Map<AttemptId, WorldAttempt>()
  let changed = new Set<TargetId>()

  const toOpen = (t: TargetRow): OpenTargetRow => ({ ...t, state: t.deployment_status })
  const isOpen = (t: TargetRow): boolean => !isEnded(t.deployment_status)
  const reads: OpenTargetReads = {
    activeIds: () => [deployment.id],
    byId: () => deployment,
    installer: (id) => given.installers.get(id),
    needsWithin: () => given.needs,
    openTargets: () => [...targets.values()].filter(isOpen).map(toOpen),
    allTargets: () => [...targets.values()].map(toOpen),
    targetsById: (ids) => [...ids].map((id) => toOpen(targets.get(id)!)),
    takeChanged() {
      const ids = changed
      changed = new Set()
      return ids
    },
    forgetChanged: () => void (changed = new Set()),
  }

  function change(target: TargetRow, columns: Partial<TargetRow>): void {
    Object.assign(target, columns)
    changed.add(target.id)
  }
  function writeTargets(writes: Writes['targets']): void {
    for (const { target } of writes)
      if (targets.get(target.id)!.deployment_status !== target.deployment_status)
        throw new Error(`target ${target.id} was not read before it was decided on`)
    for (const { id, state, moves, change: columns } of mergeTargetWrites(writes)) {
      const target = targets.get(id)!
      if (moves.length > 0) given.onStep(target)
      change(target, { ...columns, deployment_status: state })
      for (const [from, to] of moves) {
        if (from === to) continue
        deployment[from]--
        deployment[to]++
        if (to === 'completed') deployment.round_completed++
        if (to === 'failed') deployment.round_failed++
        // A late result: what was counted as a failure of this round was none.
        if (from === 'failed' && to === 'completed')
          deployment.round_failed = Math.max(0, deployment.round_failed - 1)
      }
    }
  }

  const store = {
    deployment,
    targets: targets as ReadonlyMap<TargetId, TargetRow>,
    attempts: attempts as ReadonlyMap<AttemptId, WorldAttempt>,
    reads,
    write(writes: Writes): void {
      writeTargets(writes.targets)
      for (const { id, end } of writes.attempts) Object.assign(attempts.get(id)!, end)
      for (const { from, event, change: columns } of writes.deployments) {
        if (from !== deployment.status) throw new Error(`the deployment is not ${from}`)
        Object.assign(deployment, columns, { status: deploymentStateAfter(from, event) })
      }
    },
    add(this: void, attempt: NewAttempt): void {
      if (attempts.has(attempt.attempt_id)) throw new Error('an attempt is added twice')
      attempts.set(attempt.attempt_id, { ...attempt, ended_at: null, reason: null })
    },
    setWaitReason: (ids: readonly TargetId[], reason: TargetReason | null): void =>
      ids.forEach((id) => change(targets.get(id)!, { reason })),
    recount(): void {
      const { id, status: from } = deployment
      const event = recounted(from, deployment)
      if (event)
        store.write({ targets: [], attempts: [], deployments: [{ id, from, event, change: {} }] })
    },
    openOf: (id: DeviceId): TargetRow[] =>
      [...targets.values()].filter((t) => t.device_id === id && isOpen(t)),
    failed: (): TargetRow[] =>
      [...targets.values()].filter((t) => t.deployment_status === 'failed'),
    extendOfferDeadlines(untilMs: number): void {
      for (const t of targets.values())
        if (t.deployment_status === 'pending' && t.deadline_ms !== null)
          change(t, { deadline_ms: untilMs })
    },
    forgetOffers(): void {
      for (const t of targets.values())
        if (t.offered_at_ms !== null) change(t, { offered_at_ms: null })
    },
    reported(id: AttemptId): ReportedRow | undefined {
      const attempt = attempts.get(id)
      const target = attempt && targets.get(attempt.target_id)
      return (
        target && {
          ...target,
          attempt_id: id,
          attempt: attempt.attempt,
          target_id: target.id,
          attempt_ended_at: attempt.ended_at,
          attempt_reason: attempt.reason,
          live_attempt_id: target.attempt_id,
          live_attempt: target.attempt,
        }
      )
    },
  }
  return store
}
