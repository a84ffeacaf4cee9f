/**
 * Applies reports of agents in batches, inside the recorder's transaction: reads what they are about, lets the core judge each
 * in order, and writes the result once. What a report means: core/report.ts.
 */
import type {
  CommandReply,
  DeploymentOutput,
  DeploymentProgress,
  DeploymentResult,
  ReportReply,
} from '#shared/contract/agent/link.ts'
import type { CodedText } from '#shared/domain/coded-texts/codes.ts'
import { isForOneUser } from '#shared/domain/installer-scope.ts'
import type { AttemptId, DeploymentId, DeviceId, TargetId } from '#shared/domain/ids.ts'
import type { Log, Now } from '../../../base/context.ts'
import { memoized } from '../../../base/memoized.ts'
import type { SealedArguments } from '../../../base/sealed-arguments.ts'
import type { FileFault } from '../../content/index.ts'
import type { Changes } from '../changes.ts'
import { NOTHING, type Judgement, type ReportContext } from '../core/judgement.ts'
import { reportsOnReturn } from '../core/on-return.ts'
import {
  afterJudgement,
  judgeReport,
  needsContext,
  writesOf,
  type AttemptReport,
} from '../core/report.ts'
import { recounted } from '../core/result.ts'
import { noWrites, type Writes } from '../core/writes.ts'
import type { DeploymentsRepo } from '../tables/deployments.repo.ts'
import type { OutputsRepo } from '../tables/outputs.repo.ts'
import type { InstallerRow, ReportedAttempt, ReportedRow, ReportedTarget } from '../tables/rows.ts'
import type { EngineTimings } from '../timings.ts'
import { createOutputMask } from './output-mask.ts'

export type Report =
  | { kind: 'result'; deviceId: DeviceId; body: DeploymentResult }
  | { kind: 'progress'; deviceId: DeviceId; body: DeploymentProgress }
  | { kind: 'output'; deviceId: DeviceId; body: DeploymentOutput }
  | { kind: 'reply'; deviceId: DeviceId; attemptId: AttemptId; reply: CommandReply | 'no_answer' }
  | { kind: 'unreadable'; deviceId: DeviceId; attemptId: AttemptId; text: CodedText }
  | { kind: 'cancel_unknown'; deviceId: DeviceId; attemptId: AttemptId }
  /** The agent has a new link and holds these attempts. */
  | { kind: 'returned'; deviceId: DeviceId; attempts: readonly AttemptId[] }

const COMMITTED: ReportReply = { committed: true }
const UNKNOWN: ReportReply = {
  committed: true,
  message: 'the controller has no record of this attempt',
}

const attemptOf = (report: Report): AttemptId | null => {
  if (report.kind === 'returned') return null
  return 'body' in report ? report.body.attempt_id : report.attemptId
}

/** Several attempts may share a target: what belongs to the attempt alone. */
const attemptPart = (row: ReportedRow): ReportedAttempt => ({
  attempt_id: row.attempt_id,
  attempt: row.attempt,
  target_id: row.target_id,
  attempt_ended_at: row.attempt_ended_at,
  attempt_reason: row.attempt_reason,
})

export function createReports(deps: {
  repo: DeploymentsRepo
  outputs: OutputsRepo
  sealed: SealedArguments
  fileFault: (installer: InstallerRow) => FileFault | null
  now: Now
  log: Log
  timings: EngineTimings
}) {
  const { repo, timings } = deps
  const secrets = createOutputMask(deps)

  /** What the reports of one batch are about, kept current while they are judged. */
  function openBatch(ids: AttemptId[], changes: Changes) {
    const attempts = new Map<AttemptId, ReportedAttempt>()
    const targets = new Map<TargetId, ReportedTarget>()
    let writes: Writes = noWrites()
    const outcomesToRecompute = new Set<DeploymentId>()

    function read(list: Iterable<AttemptId>): void {
      const found = repo.reportedAttempts([...list].filter((id) => !attempts.has(id)))
      for (const attempt of found) attempts.set(attempt.attempt_id, attempt)
      const missing = new Set(found.map((attempt) => attempt.target_id))
      for (const id of targets.keys()) missing.delete(id)
      for (const target of repo.reportedTargets(missing)) targets.set(target.id, target)
    }
    read(new Set(ids))

    // Reports of one batch are often about the same few deployments and packages.
    const deploymentOf = memoized(repo.byId)
    const installerById = memoized(repo.installer)
    const installerOf = ({ installer_id }: ReportedRow): InstallerRow | undefined =>
      installer_id === null ? undefined : installerById(installer_id)
    const contextOf = (target: ReportedRow): ReportContext => {
      const deployment = deploymentOf(target.deployment_id)
      const installer = installerOf(target)
      return {
        isCanceling: deployment?.canceling ?? false,
        timeoutSeconds: deployment?.timeout_seconds ?? installer?.timeout_seconds ?? null,
        fileFault: installer ? deps.fileFault(installer) : null,
        isForOneUser:
          deployment?.action === 'install' &&
          isForOneUser(installer?.knowledge, installer?.install_args ?? ''),
      }
    }
    function keep(target: ReportedRow, judged: Judgement): void {
      const { events, change, end } = judged
      const { id, deployment_id, device_id } = target
      const { targets: targetWrites, attempts: attemptWrites } = writesOf(target, judged)
      writes.targets.push(...targetWrites)
      writes.attempts.push(...attemptWrites)
      const after = afterJudgement(target, judged)
      attempts.set(after.attempt_id, attemptPart(after))
      targets.set(id, after)
      if (change && (events.length > 0 || judged.needsRun)) changes.moved(target)
      else if (change) changes.target(deployment_id, id)
      if (judged.needsRun) changes.toRun.add(deployment_id)
      if (judged.freesDevice) changes.freed.add(device_id)
      if (judged.hasWrongHash) changes.mismatched.add(id)
      if (judged.recomputesOutcome) outcomesToRecompute.add(deployment_id)
      if (end) secrets.ended(installerOf(target), target.attempt_id)
    }

    return {
      read,
      installerOf,
      of(id: AttemptId): ReportedRow | undefined {
        const attempt = attempts.get(id)
        const target = attempt && targets.get(attempt.target_id)
        return target && { ...target, ...attempt }
      },
      judge(target: ReportedRow, report: AttemptReport): void {
        const context = needsContext(report) ? contextOf(target) : null
        const judged = judgeReport(target, report, context, deps.now(), timings)
        if (judged !== NOTHING) keep(target, judged)
      },
      write(): void {
        repo.write(writes)
        writes = noWrites()
        for (const id of outcomesToRecompute) {
          const deployment = repo.byId(id)!
          const event = recounted(deployment.status, repo.counts(id))
          if (event) repo.writeDeployment({ id, from: deployment.status, event, change: {} })
          changes.deployment(id)
        }
        outcomesToRecompute.clear()
      },
    }
  }
  type Batch = ReturnType<typeof openBatch>

  function output(
    target: ReportedRow,
    body: DeploymentOutput,
    batch: Batch,
    changes: Changes,
  ): void {
    const attempt = repo.attempt(body.attempt_id)
    const text = attempt ? secrets.append(batch.installerOf(target), attempt, body) : null
    if (attempt && text !== null)
      changes.output(target.deployment_id, {
        deployment_id: target.deployment_id,
        target_id: target.id,
        attempt: attempt.attempt,
        seq: body.seq,
        text,
      })
  }

  function returned(deviceId: DeviceId, held: readonly AttemptId[], batch: Batch): void {
    // It reads the open targets, so what came before it is written first.
    batch.write()
    const reports = reportsOnReturn(repo.openTargetsOfDevice(deviceId), new Set(held))
    batch.read(reports.map(({ attemptId }) => attemptId))
    for (const { attemptId, report } of reports) {
      const target = batch.of(attemptId)
      if (target) batch.judge(target, report)
    }
  }

  function apply(report: Report, batch: Batch, changes: Changes): ReportReply {
    if (report.kind === 'returned') {
      returned(report.deviceId, report.attempts, batch)
      return COMMITTED
    }
    const target = batch.of(attemptOf(report)!)
    if (target?.device_id !== report.deviceId) {
      if (report.kind !== 'result') return COMMITTED
      const { deviceId, body } = report
      deps.log.warn(
        { deviceId, targetId: body.target_id },
        'a result for an attempt that this device was never given',
      )
      return UNKNOWN
    }
    switch (report.kind) {
      case 'output':
        output(target, report.body, batch, changes)
        break
      case 'result':
        batch.judge(target, {
          kind: 'result',
          body: secrets.ofResult(batch.installerOf(target), report.body),
        })
        break
      case 'reply': {
        const { reply } = report
        const isRefusal = reply !== 'no_answer' && !reply.accepted
        batch.judge(target, {
          kind: 'reply',
          reply: isRefusal ? secrets.ofRefusal(batch.installerOf(target), reply) : reply,
        })
        break
      }
      default:
        batch.judge(target, report)
    }
    return COMMITTED
  }

  /**
   * Replies in the order of the reports, which is the order in which they arrived.
   * @throws IllegalStep, or what the store throws; the recorder then rolls back
   */
  return (reports: readonly Report[], changes: Changes): ReportReply[] => {
    const batch = openBatch(
      reports.flatMap((report) => attemptOf(report) ?? []),
      changes,
    )
    const replies = reports.map((report) => apply(report, batch, changes))
    batch.write()
    return replies
  }
}
