/**
 * Writes what the actions of a plan change (core/act.ts). Runs inside the engine's transaction; messages and notifications are
 * collected for after the commit.
 */
import type { CodedText } from '#shared/domain/coded-texts/codes.ts'
import { compose } from '#shared/domain/coded-texts/compose.ts'
import type { DeploymentCompleted } from '#shared/contract/feed.ts'
import type { AttemptId, DeploymentId, TargetId } from '#shared/domain/ids.ts'
import { isoTime, type Now, type Random } from '../../../base/context.ts'
import type { Devices } from '../../devices/index.ts'
import type { Changes } from '../changes.ts'
import { act, concluded } from '../core/act.ts'
import type { Action } from '../core/plan.ts'
import type { DeploymentsRepo } from '../tables/deployments.repo.ts'
import type { AuditRecords } from '../audit-records.ts'
import type { EngineTimings } from '../timings.ts'
import { totals } from '../views/views.ts'
import type { OpenTarget } from './open-targets.ts'
import type { Sending } from './sender.ts'

/**
 * Unique, and in the order of time like a UUID of version 7: new attempts are neighbours in the table's index, while random
 * ids among a million would make each insert write a page of its own.
 */
export function newAttemptId(nowMs: number, random: Random): AttemptId {
  const id = random.bytes(16)
  id.writeUIntBE(Math.max(0, nowMs), 0, 6)
  return id.toString('hex') as AttemptId
}

export function createPerform(deps: {
  repo: Pick<
    DeploymentsRepo,
    'byId' | 'counts' | 'addAttempt' | 'write' | 'writeDeployment' | 'setWaitReason'
  >
  devices: Pick<Devices, 'takeSequence'>
  auditRecords: Pick<AuditRecords, 'ended' | 'pausedByFailures'>
  now: Now
  random: Random
  timings: EngineTimings
}) {
  const { repo } = deps

  function conclude(id: DeploymentId, iso: string, changes: Changes): void {
    const deployment = repo.byId(id)!
    const counts = repo.counts(id)
    const end = concluded(deployment, counts, iso)
    if (end === null) return
    repo.writeDeployment(end)
    changes.deployment(id)
    const completed: DeploymentCompleted = {
      deployment_id: id,
      deployment_name: deployment.name,
      action: deployment.action,
      status: end.event,
      success_count: counts.completed,
      failure_count: counts.failed,
      skipped_count: counts.skipped,
      total_count: counts.completed + counts.failed + counts.skipped,
      created_at: deployment.created_at,
      ended_at: iso,
    }
    deps.auditRecords.ended(deployment, completed)
    changes.complete(id, completed)
  }

  function pausedByFailures(
    id: DeploymentId,
    text: CodedText,
    iso: string,
    changes: Changes,
  ): void {
    const deployment = repo.byId(id)!
    const counts = repo.counts(id)
    const message = compose(text)
    deps.auditRecords.pausedByFailures(deployment, message)
    changes.pause(id, {
      deployment_id: id,
      deployment_name: deployment.name,
      action: deployment.action,
      message,
      code: text.code,
      params: text.params,
      failure_count: counts.failed,
      total_count: totals(counts).total,
      paused_at: iso,
    })
  }

  return (
    id: DeploymentId,
    actions: Action[],
    targets: ReadonlyMap<TargetId, OpenTarget>,
    changes: Changes,
    sendings: Sending[],
  ): void => {
    const row = repo.byId(id)!
    const nowMs = deps.now()
    const iso = isoTime(nowMs)
    const acts = act(row, actions, targets, {
      nowMs,
      offerTimeoutMs: deps.timings.offerTimeoutMs,
      newAttemptId: () => newAttemptId(nowMs, deps.random),
    })
    acts.added.forEach(repo.addAttempt)
    repo.write(acts.writes)
    for (const [reason, ids] of acts.waits) repo.setWaitReason(id, ids, reason)
    for (const target of acts.askedToStop) target.cancelSentAtMs = nowMs
    for (const { kind, target, attemptId } of acts.toSend)
      sendings.push({
        kind,
        target: { ...target.row, attempt: target.attempt },
        attemptId,
        sequence: deps.devices.takeSequence(target.deviceId),
      })
    if (acts.paused !== null) pausedByFailures(id, acts.paused, iso, changes)

    const shown = [...acts.moved, ...[...acts.waits.values()].flat()]
    for (const targetId of shown) changes.target(id, targetId)
    if (shown.length > 0 || acts.writes.deployments.length > 0) changes.deployment(id)
    for (const device of acts.freed) changes.freed.add(device)
    if (acts.needsRun) changes.toRun.add(id)
    if (acts.concludes) conclude(id, iso, changes)
  }
}
