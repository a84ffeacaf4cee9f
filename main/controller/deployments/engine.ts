/**
 * The shell around `plan()`: load, plan, commit, perform. One run looks at one deployment and is synchronous up to its
 * commit, so no two runs ever see the same free device. Pokes are coalesced; a heartbeat heals what an event missed.
 */
import { randomBytes } from 'node:crypto'
import type { CancelDeployment, CommandReply, DeploySoftware } from '#shared/contract/agent-link.ts'
import { nextDeploymentState, verdict } from '#shared/domain/deployment-state.ts'
import type { AttemptId, DeploymentId, DeviceId, TargetId } from '#shared/domain/ids.ts'
import { isoTime, type Log, type Now } from '../context.ts'
import type { Devices } from '../devices/index.ts'
import type { Store } from '../store/store.ts'
import { createChanges, type Changes } from './changes.ts'
import { createCommandReader, type Commands } from './commands.ts'
import type { DeploymentsRepo } from './deployments.repo.ts'
import { plan, type Action, type PlanDevice, type PlanInstaller, type Snapshot } from './plan.ts'
import type { Recorder } from './record.ts'
import type { EngineTimings } from './timings.ts'

/** How commands reach an agent. Rejects when the device has no link or does not answer in time. */
export type AgentPort = {
  deploy: (deviceId: DeviceId, command: DeploySoftware, timeoutMs: number) => Promise<CommandReply>
  cancel: (
    deviceId: DeviceId,
    command: CancelDeployment,
    timeoutMs: number,
  ) => Promise<CommandReply>
}

/** Commands are signed and sent in slices, so that the hub answers others in between. */
const SLICE = 200
/** An agent that was asked to stop is asked again after, in case the first one got lost with its link. */
const CANCEL_AGAIN_MS = 30_000

type OpenTarget = ReturnType<DeploymentsRepo['openTargets']>[number]
type Offer = { targetId: TargetId; attemptId: AttemptId; sequence: number }

function installerOf(row: OpenTarget): PlanInstaller {
  if (row.installer_id === null || row.fetch_state === null) return { state: 'none' }
  switch (row.fetch_state) {
    case 'none':
    case 'ready':
      return { state: 'ready' }
    case 'fetching':
      return { state: 'fetching' }
    case 'failed':
      return {
        state: 'failed',
        reason: row.fetch_reason ?? 'download_failed',
        message: row.fetch_message ?? 'The controller could not fetch the package.',
      }
  }
}

export function createEngine(deps: {
  store: Store
  repo: DeploymentsRepo
  devices: Devices
  commands: Commands
  agents: AgentPort
  recorder: Pick<Recorder, 'take'>
  now: Now
  log: Log
  timings: EngineTimings
  committed: (changes: Changes) => void
}) {
  const { repo, devices, timings } = deps
  const dirty = new Set<DeploymentId>()
  const wakeAt = new Map<DeploymentId, number>()
  /** When each running target was last asked to stop. */
  const cancelTold = new Map<TargetId, number>()
  let timer: NodeJS.Timeout | null = null
  let stopped = false
  let sweptAtMs = 0

  function snapshotOf(
    id: DeploymentId,
  ): { snapshot: Snapshot; rows: Map<TargetId, OpenTarget> } | null {
    const deployment = repo.byId(id)
    if (!deployment) return null
    const rows = repo.openTargets(id)
    const busyElsewhere = new Set(
      repo
        .busyDevices()
        .filter((busy) => busy.deployment_id !== id)
        .map((busy) => busy.device_id),
    )
    const planDevices = new Map<DeviceId, PlanDevice>()
    for (const row of rows) {
      if (planDevices.has(row.device_id)) continue
      planDevices.set(row.device_id, {
        name: row.device_name,
        reachability: devices.presence.reachability(row.device_id),
        offlineAtMs: devices.presence.offlineAtMs(row.device_id),
        lastSignMs: devices.presence.lastSignMs(row.device_id),
        busyElsewhere: busyElsewhere.has(row.device_id),
        refused: row.device_deleted_at !== null || row.device_blocked || !row.device_approved,
      })
    }
    return {
      rows: new Map(rows.map((row) => [row.id, row])),
      snapshot: {
        deployment: {
          status: deployment.status,
          paused: deployment.paused,
          canceling: deployment.canceling,
          maxConcurrent: deployment.max_concurrent,
          offlinePolicy: deployment.offline_policy,
          waitMs: deployment.wait_minutes * 60_000,
        },
        targets: rows.map((row) => ({
          id: row.id,
          deviceId: row.device_id,
          position: row.position,
          state: row.state as 'pending' | 'downloading' | 'installing',
          reason: row.reason,
          sinceMs: Date.parse(row.since),
          offeredAtMs: row.offered_at_ms,
          offeredBefore: row.attempt_id !== null,
          notBeforeMs: row.not_before_ms,
          deadlineMs: row.deadline_ms,
          installer: installerOf(row),
        })),
        devices: planDevices,
        leaseMs: timings.leaseMs,
      },
    }
  }

  /** Writes one action. Runs inside the run's transaction. */
  function commit(
    id: DeploymentId,
    action: Action,
    rows: Map<TargetId, OpenTarget>,
    changes: Changes,
    offers: Offer[],
    cancels: Offer[],
  ): void {
    const iso = isoTime(deps.now())
    if (action.type === 'start') {
      repo.update(id, { status: 'in_progress', started_at: iso })
      return changes.deployment(id)
    }
    if (action.type === 'conclude') return conclude(id, iso, changes)

    const row = rows.get(action.targetId)!
    const target = { id: row.id, deployment_id: id, deployment_status: row.state }
    switch (action.type) {
      case 'offer': {
        const attemptId = row.attempt_id ?? (randomBytes(16).toString('hex') as AttemptId)
        if (row.attempt_id === null)
          repo.addAttempt({
            attempt_id: attemptId,
            target_id: row.id,
            attempt: row.attempt,
            created_at: iso,
          })
        repo.change(row.id, {
          attempt_id: attemptId,
          offered_at_ms: deps.now(),
          not_before_ms: null,
          deadline_ms: row.deadline_ms ?? deps.now() + timings.offerPatienceMs,
          reason: null,
        })
        offers.push({ targetId: row.id, attemptId, sequence: devices.takeSequence(row.device_id) })
        break
      }
      case 'tell_cancel':
        if (row.attempt_id && deps.now() - (cancelTold.get(row.id) ?? 0) >= CANCEL_AGAIN_MS) {
          cancelTold.set(row.id, deps.now())
          cancels.push({
            targetId: row.id,
            attemptId: row.attempt_id,
            sequence: devices.takeSequence(row.device_id),
          })
        }
        return
      case 'wait':
        repo.change(row.id, { reason: action.reason })
        break
      case 'requeue':
        repo.step(target, 'requeued', {
          reason: action.reason,
          since: iso,
          offered_at_ms: null,
          deadline_ms: null,
        })
        break
      case 'fail':
      case 'skip':
        repo.step(target, action.type === 'fail' ? 'failed' : 'skipped', {
          reason: action.reason,
          result_message: action.message,
          completed_at: iso,
          since: iso,
          offered_at_ms: null,
          deadline_ms: null,
        })
        if (row.attempt_id)
          repo.endAttempt(row.attempt_id, {
            ended_at: iso,
            status: action.type === 'fail' ? 'failed' : 'skipped',
            reason: action.reason,
            message: action.message,
          })
        changes.freed.add(row.device_id)
        break
    }
    changes.target(id, row.id)
    changes.deployment(id)
  }

  function conclude(id: DeploymentId, iso: string, changes: Changes): void {
    const deployment = repo.byId(id)!
    const counts = repo.counts(id)
    const end = verdict(counts, deployment.canceling)
    if (end === null || nextDeploymentState(deployment.status, end) === null) return
    repo.update(id, { status: end, ended_at: iso, paused: false, pause_reason: null })
    changes.deployment(id)
    changes.complete(id, {
      deployment_id: id,
      deployment_name: deployment.name,
      status: end,
      success_count: counts.completed,
      failure_count: counts.failed,
      skipped_count: counts.skipped,
      total_count: counts.completed + counts.failed + counts.skipped,
      created_at: deployment.created_at,
      ended_at: iso,
    })
  }

  async function send(kind: 'deploy' | 'cancel', list: Offer[]): Promise<void> {
    for (let i = 0; i < list.length && !stopped; i += SLICE) {
      const read = createCommandReader(repo)
      for (const offer of list.slice(i, i + SLICE)) sendOne(kind, offer, read)
      if (i + SLICE < list.length) await new Promise((resolve) => setImmediate(resolve))
    }
  }

  function sendOne(
    kind: 'deploy' | 'cancel',
    { targetId, attemptId, sequence }: Offer,
    read: ReturnType<typeof createCommandReader>,
  ): void {
    const row = read(targetId)
    if (!row) return
    const { device_id } = row.target
    const sent =
      kind === 'deploy'
        ? deps.agents.deploy(
            device_id,
            deps.commands.deploy(row, attemptId, sequence),
            timings.ackTimeoutMs,
          )
        : deps.agents.cancel(
            device_id,
            deps.commands.cancel(row, attemptId, sequence),
            timings.ackTimeoutMs,
          )
    sent.then(
      (reply) => {
        if (kind === 'deploy')
          return void deps.recorder.take({
            kind: 'reply',
            deviceId: device_id,
            targetId,
            attemptId,
            reply,
          })
        // It never had it, or lost it: then there is nothing to wait for.
        if (!reply.accepted && reply.why === 'unknown_attempt')
          void deps.recorder.take({
            kind: 'result',
            deviceId: device_id,
            body: {
              deployment_id: row.deployment.id,
              target_id: targetId,
              attempt: row.target.attempt,
              attempt_id: attemptId,
              status: 'skipped',
              reason: 'canceled',
              message: 'Cancelled before it started.',
            },
          })
      },
      (error: unknown) => {
        deps.log.debug({ err: error, deviceId: device_id, targetId }, 'a command was not answered')
        if (kind === 'cancel') return void cancelTold.delete(targetId)
        void deps.recorder.take({
          kind: 'reply',
          deviceId: device_id,
          targetId,
          attemptId,
          reply: 'no_answer',
        })
      },
    )
  }

  function run(id: DeploymentId): void {
    const loaded = snapshotOf(id)
    if (!loaded) return
    const { actions, wakeAtMs } = plan(loaded.snapshot, deps.now())
    if (wakeAtMs === null) wakeAt.delete(id)
    else wakeAt.set(id, wakeAtMs)
    if (actions.length === 0) return
    const changes = createChanges()
    const offers: Offer[] = []
    const cancels: Offer[] = []
    deps.store.transaction(() => {
      for (const action of actions) commit(id, action, loaded.rows, changes, offers, cancels)
    })
    deps.committed(changes)
    const failed = (error: unknown) =>
      deps.log.error({ err: error, deploymentId: id }, 'commands could not be sent')
    send('deploy', offers).catch(failed)
    send('cancel', cancels).catch(failed)
  }

  function runDirty(): void {
    timer = null
    const nowMs = deps.now()
    for (const [id, atMs] of wakeAt) if (atMs <= nowMs) dirty.add(id)
    if (nowMs - sweptAtMs >= timings.heartbeatMs) {
      sweptAtMs = nowMs
      for (const id of repo.activeIds()) dirty.add(id)
    }
    const ids = [...dirty]
    dirty.clear()
    for (const id of ids) {
      try {
        run(id)
      } catch (error) {
        // One deployment that cannot be planned or stored must not stop the others; it is tried again at the next heartbeat.
        deps.log.error({ err: error, deploymentId: id }, 'a deployment could not be advanced')
        wakeAt.set(id, deps.now() + timings.heartbeatMs)
      }
    }
    schedule()
  }

  function schedule(): void {
    if (stopped) return
    const nextMs = Math.min(...wakeAt.values(), deps.now() + timings.heartbeatMs)
    const delayMs =
      dirty.size > 0 ? timings.coalesceMs : Math.max(timings.coalesceMs, nextMs - deps.now())
    if (timer) clearTimeout(timer)
    timer = setTimeout(runDirty, Math.min(delayMs, timings.heartbeatMs))
  }

  return {
    /** Look at these soon. */
    poke(ids: Iterable<DeploymentId>): void {
      const before = dirty.size
      for (const id of ids) dirty.add(id)
      if (!stopped && before === 0 && dirty.size > 0) schedule()
    },
    /** Takes up all that is active. A restart is just another run. */
    start(): void {
      repo.forgetOffers()
      for (const id of repo.activeIds()) dirty.add(id)
      schedule()
    },
    stop(): void {
      stopped = true
      if (timer) clearTimeout(timer)
    },
  }
}
export type Engine = ReturnType<typeof createEngine>
