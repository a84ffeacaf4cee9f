/** Deployments: the one door to creating, watching, cancelling and retrying them, and to what agents report. */
import type { KeyObject } from 'node:crypto'
import type {
  DeploymentOutput,
  DeploymentProgress,
  DeploymentResult,
  Hello,
  ReportReply,
} from '#shared/contract/agent-link.ts'
import type {
  Deployment,
  Preflight,
  Progress,
  Stats,
  Target,
  TargetTotals,
} from '#shared/contract/entities.ts'
import { AppError } from '#shared/contract/errors.ts'
import type { CreateDeployment } from '#shared/contract/requests.ts'
import type { RouteReply } from '#shared/contract/rest.ts'
import { ENDED_DEPLOYMENT_STATES, nextDeploymentState } from '#shared/domain/deployment-state.ts'
import type {
  AttemptId,
  DeploymentId,
  DeviceId,
  InstallerId,
  Sha256,
  SoftwareId,
  TargetId,
  UserId,
} from '#shared/domain/ids.ts'
import type { Audit } from '../audit/index.ts'
import { isoTime, maySee, type Log, type Now, type Viewer } from '../context.ts'
import type { Devices } from '../devices/index.ts'
import type { Groups } from '../groups/index.ts'
import type { Software } from '../software/index.ts'
import type { Store } from '../store/store.ts'
import { createChanges, type Changes, type DeploymentsEvent } from './changes.ts'
import { createCommands } from './commands.ts'
import { createDeployment } from './create.ts'
import { createDeploymentsRepo, type DeploymentRow } from './deployments.repo.ts'
import { createEngine } from './engine.ts'
import { preflight } from './preflight.ts'
import { createOutputsRepo } from './outputs.repo.ts'
import { createRecorder } from './record.ts'
import { createReports } from './reports.ts'
import { createSender, type AgentPort } from './sender.ts'
import { createCommandSigner } from './sign.ts'
import { ENGINE_TIMINGS, type EngineTimings } from './timings.ts'
import { toCsv, toDeployment, toProgress, toTarget, totals } from './views.ts'

export type { DeploymentsEvent } from './changes.ts'
export type { AgentPort } from './sender.ts'
export type { EngineTimings } from './timings.ts'
export type Deployments = ReturnType<typeof createDeployments>

const ACTIVE: DeploymentRow['status'][] = ['pending', 'in_progress']

export function createDeployments(deps: {
  store: Store
  now: Now
  log: Log
  audit: Audit
  devices: Devices
  groups: Groups
  software: Software
  /** The key that signs commands, and the name by which agents know it. */
  commandKey: { privateKey: KeyObject; keyId: string }
  ticketUrl: (ticket: { attemptId: AttemptId; sha256: Sha256; deviceId: DeviceId }) => string
  agents: AgentPort
  timings?: Partial<EngineTimings>
}) {
  const { store, devices, log, now } = deps
  const timings = { ...ENGINE_TIMINGS, ...deps.timings }
  const repo = createDeploymentsRepo(store)
  const outputs = createOutputsRepo(store, repo)
  const listeners = new Set<(event: DeploymentsEvent) => void>()

  /** After every commit: tell, and look again at what the change may have made possible. */
  function committed(changes: Changes): void {
    for (const event of changes.events()) listeners.forEach((listener) => listener(event))
    const touched = changes.touched()
    engine.poke(touched)
    // Whoever else waits for a device that has come free. Mostly there is nobody else.
    if (changes.freed.size > 0 && repo.activeIds().some((id) => !touched.includes(id)))
      engine.poke(repo.deploymentsWaitingFor([...changes.freed]))
  }
  const recorder = createRecorder({
    repo,
    apply: createReports({ repo, outputs, now, log, timings }),
    log,
    timings,
    committed,
  })
  const sign = createCommandSigner(deps.commandKey.privateKey)
  const sender = createSender({
    repo,
    commands: createCommands({ keyId: deps.commandKey.keyId, now, ticketUrl: deps.ticketUrl }),
    sign,
    agents: deps.agents,
    recorder,
    timings,
    log,
    cancelLost: (target): void => engine.cancelLost(target.deployment_id, target.id),
  })
  const engine = createEngine({ repo, devices, sender, now, log, timings, committed })
  devices.onChange(({ id }) => engine.poke(repo.deploymentsWaitingFor([id])))

  const createDeps = { ...deps, repo }

  function visible(viewer: Viewer, id: DeploymentId): DeploymentRow {
    const row = repo.byId(id)
    if (!row || !maySee(viewer, row.created_by))
      throw new AppError('E_NOT_FOUND', 'This deployment does not exist.')
    return row
  }
  const view = (id: DeploymentId): Deployment => {
    const row = repo.byId(id)!
    return toDeployment(row, repo.creatorName(row.created_by))
  }
  /** Commits a person's decision and tells about it. */
  function decide(work: (changes: Changes) => void): void {
    const changes = createChanges()
    repo.transaction(() => work(changes))
    committed(changes)
    engine.pokeNow(changes.touched())
  }
  const hasEnded = (row: DeploymentRow) =>
    (ENDED_DEPLOYMENT_STATES as readonly string[]).includes(row.status)

  return {
    create(viewer: Viewer, input: CreateDeployment): DeploymentId {
      const id = createDeployment(createDeps, viewer, input)
      const changes = createChanges()
      changes.deployment(id)
      committed(changes)
      engine.pokeNow([id])
      deps.software.startFetches()
      return id
    },
    preflight: (viewer: Viewer, input: CreateDeployment): Promise<Preflight> =>
      preflight(
        { ...deps, sign, keyId: deps.commandKey.keyId, workingDevices: engine.workingDevices },
        viewer,
        input,
      ),

    list(
      viewer: Viewer,
      query: {
        status?: DeploymentRow['status'] | 'active'
        q?: string
        limit: number
        offset: number
      },
    ) {
      const statuses =
        query.status === undefined ? null : query.status === 'active' ? ACTIVE : [query.status]
      const { rows, total } = repo.page(
        { ownerId: viewer.role === 'admin' ? null : viewer.id, statuses, q: query.q },
        query.limit,
        query.offset,
      )
      return { deployments: rows.map((row) => toDeployment(row.deployment, row.creator)), total }
    },
    get(viewer: Viewer, id: DeploymentId): Deployment {
      visible(viewer, id)
      return view(id)
    },
    progress: (viewer: Viewer, id: DeploymentId): Progress =>
      toProgress(visible(viewer, id), repo.views(id, null)),
    report: (viewer: Viewer, id: DeploymentId): string => {
      visible(viewer, id)
      return toCsv(repo.views(id, null))
    },
    output(viewer: Viewer, id: DeploymentId, targetId: TargetId): RouteReply<'deployments.output'> {
      visible(viewer, id)
      const target = repo.target(targetId)
      if (!target || target.deployment_id !== id)
        throw new AppError('E_NOT_FOUND', 'This target does not exist.')
      const attempt = target.attempt_id === null ? undefined : repo.attempt(target.attempt_id)
      return {
        target_id: targetId,
        attempt: target.attempt,
        text: attempt ? outputs.text(attempt.attempt_id) : '',
        omitted_bytes: attempt?.output_omitted_bytes ?? 0,
        last_seq: attempt?.output_last_seq ?? 0,
      }
    },

    /** Nothing new starts; what downloads stops; what installs ends, and its end is recorded. */
    cancel(viewer: Viewer, id: DeploymentId): Deployment {
      const row = visible(viewer, id)
      if (hasEnded(row)) throw new AppError('E_ILLEGAL_STATE', 'This deployment has ended already.')
      decide((changes) => {
        repo.update(id, { canceling: true, paused: false, pause_reason: null, pause_message: null })
        deps.audit.record(viewer, 'deployment.cancel', `deployment ${row.name}`, '')
        changes.deployment(id)
      })
      return view(id)
    },
    /** Emergency stop: cancels all that is active and his to cancel. Returns what it stopped. */
    stopAll(viewer: Viewer): DeploymentId[] {
      const rows = repo
        .activeIds()
        .map((id) => repo.byId(id)!)
        .filter((row) => maySee(viewer, row.created_by) && !row.canceling)
      decide((changes) => {
        for (const { id } of rows) {
          repo.update(id, {
            canceling: true,
            paused: false,
            pause_reason: null,
            pause_message: null,
          })
          changes.deployment(id)
        }
        deps.audit.record(
          viewer,
          'deployment.stop_all',
          `${rows.length} deployments`,
          rows.map((row) => row.name).join(', '),
        )
      })
      return rows.map((row) => row.id)
    },
    /** Nothing new starts; what runs goes on. @throws AppError E_ILLEGAL_STATE */
    pause(viewer: Viewer, id: DeploymentId): Deployment {
      const row = visible(viewer, id)
      if (row.status !== 'in_progress' || row.canceling)
        throw new AppError(
          'E_ILLEGAL_STATE',
          row.status === 'pending'
            ? 'This deployment has not started yet. Cancel it instead.'
            : 'This deployment is not running.',
        )
      if (row.paused) return view(id)
      decide((changes) => {
        repo.update(id, {
          paused: true,
          pause_reason: 'person',
          pause_message: `Paused by ${viewer.username}.`,
        })
        deps.audit.record(viewer, 'deployment.pause', `deployment ${row.name}`, '')
        changes.deployment(id)
      })
      return view(id)
    },
    /** Goes on with a new round: what failed before does not count against it. @throws AppError E_ILLEGAL_STATE */
    resume(viewer: Viewer, id: DeploymentId): Deployment {
      const row = visible(viewer, id)
      if (!row.paused) throw new AppError('E_ILLEGAL_STATE', 'This deployment is not paused.')
      decide((changes) => {
        repo.update(id, {
          paused: false,
          pause_reason: null,
          pause_message: null,
          round_completed: 0,
          round_failed: 0,
          ready_since_ms: now(),
        })
        repo.clearPatience(id)
        deps.audit.record(viewer, 'deployment.resume', `deployment ${row.name}`, '')
        changes.deployment(id)
      })
      return view(id)
    },

    /** A new attempt of failed targets: all of them, or the chosen ones. @throws AppError E_ILLEGAL_STATE, E_NOT_FOUND */
    retry(viewer: Viewer, id: DeploymentId, targetIds: TargetId[] | undefined): Deployment {
      const row = visible(viewer, id)
      const failed = new Map(repo.failedTargets(id).map((target) => [target.id, target]))
      const chosen = targetIds ?? [...failed.keys()]
      const wrong = chosen.flatMap((targetId, i) =>
        failed.has(targetId)
          ? []
          : [{ path: `/target_ids/${i}`, message: `target ${targetId} has not failed` }],
      )
      if (wrong.length > 0)
        throw new AppError(
          'E_ILLEGAL_STATE',
          'Only failed targets can be tried again.',
          wrong.slice(0, 20),
        )
      if (chosen.length === 0)
        throw new AppError('E_ILLEGAL_STATE', 'No target of this deployment has failed.')
      if (row.status !== 'in_progress' && nextDeploymentState(row.status, 'retried') === null)
        throw new AppError('E_ILLEGAL_STATE', 'This deployment cannot be retried now.')
      // Before the targets are open again: one that finds its package still marked as failed would fail at once.
      deps.software.retryFetches(
        chosen.flatMap((targetId) => failed.get(targetId)?.installer_id ?? []),
      )
      decide((changes) => {
        for (const targetId of new Set(chosen)) {
          const target = failed.get(targetId)!
          repo.step(target, 'retried', {
            attempt: target.attempt + 1,
            attempt_id: null,
            reason: null,
            result_message: null,
            error_details: null,
            exit_code: null,
            bytes: null,
            started_at: null,
            completed_at: null,
            since: isoTime(now()),
            offered_at_ms: null,
            not_before_ms: null,
            deadline_ms: null,
            retry_until_ms: null,
          })
          changes.target(id, targetId)
        }
        // A retry after the end is a round of its own; while it runs it belongs to the present one.
        if (row.status !== 'in_progress')
          repo.update(id, {
            status: 'in_progress',
            ended_at: null,
            canceling: false,
            wave_ended_at_ms: null,
            round_completed: 0,
            round_failed: 0,
            ready_since_ms: now(),
          })
        deps.audit.record(
          viewer,
          'deployment.retry',
          `deployment ${row.name}`,
          `${chosen.length} targets`,
        )
        changes.deployment(id)
      })
      deps.software.retryFetches(
        chosen.flatMap((targetId) => failed.get(targetId)?.installer_id ?? []),
      )
      return view(id)
    },

    stats(): Pick<Stats, 'deployments' | 'last_7_days'> {
      const by = new Map(repo.statusCounts().map((row) => [row.status, row.n]))
      const of = (...states: DeploymentRow['status'][]) =>
        states.reduce((sum, state) => sum + (by.get(state) ?? 0), 0)
      const ended = new Map(
        repo.endedSince(isoTime(now() - 7 * 24 * 3_600_000)).map((row) => [row.status, row.n]),
      )
      return {
        deployments: {
          total: [...by.values()].reduce((a, b) => a + b, 0),
          active: of(...ACTIVE),
          completed: of('completed'),
          failed: of('failed'),
          partial: of('partial'),
          canceled: of('canceled'),
        },
        last_7_days: {
          completed: ended.get('completed') ?? 0,
          failed: ended.get('failed') ?? 0,
          skipped: ended.get('skipped') ?? 0,
        },
      }
    },
    /** What is at work now, for tray and quit warning. */
    activity(): {
      active_deployments: { id: DeploymentId; name: string; ended: number; total: number }[]
      running_targets: number
    } {
      return {
        active_deployments: repo.activeIds().map((id) => {
          const { name, ...row } = repo.byId(id)!
          return {
            id,
            name,
            ended: row.completed + row.failed + row.skipped,
            total: totals(row).total,
          }
        }),
        running_targets: repo.runningCount(),
      }
    },

    // ---- for the feed
    subscribe(listener: (event: DeploymentsEvent) => void): () => void {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    describe(id: DeploymentId): { deployment: Deployment; ownerId: UserId | null } | null {
      const row = repo.byId(id)
      return row ? { deployment: view(id), ownerId: row.created_by } : null
    },
    describeTargets: (
      id: DeploymentId,
      ids: TargetId[],
    ): { counts: TargetTotals; targets: Target[] } => ({
      counts: totals(repo.counts(id)),
      targets: repo.views(id, ids).map(toTarget),
    }),

    // ---- from agents; each resolves after the commit
    result: (deviceId: DeviceId, body: DeploymentResult): Promise<ReportReply> =>
      recorder.take({ kind: 'result', deviceId, body }),
    reportProgress: (deviceId: DeviceId, body: DeploymentProgress): Promise<ReportReply> =>
      recorder.take({ kind: 'progress', deviceId, body }),
    reportOutput: (deviceId: DeviceId, body: DeploymentOutput): Promise<ReportReply> =>
      recorder.take({ kind: 'output', deviceId, body }),
    /** At the start of a link: what the agent no longer holds is owed again, or lost. */
    async reconcile(deviceId: DeviceId, hello: Hello): Promise<void> {
      recorder.flush()
      const held = new Set(hello.attempts)
      for (const target of repo.openTargetsOfDevice(deviceId)) {
        if (target.attempt_id === null || held.has(target.attempt_id)) continue
        if (target.deployment_status === 'pending')
          repo.change(target, { offered_at_ms: null, not_before_ms: null })
        else await recorder.take({ kind: 'lost', deviceId, targetId: target.id })
      }
      engine.poke(repo.deploymentsWaitingFor([deviceId]))
    },
    deviceOfLiveAttempt: (attemptId: AttemptId): DeviceId | null =>
      repo.deviceOfLiveAttempt(attemptId),
    isSoftwareInUse: (id: SoftwareId): boolean => repo.softwareInUse(id),
    /** A package given as an address has arrived, or cannot be had. */
    installerSettled: (id: InstallerId): void => engine.poke(repo.deploymentsUsingInstaller(id)),

    start: (): void => engine.start(),
    /** Commits what waits and stops looking. Targets keep their state; the next start takes them up. */
    stop(): void {
      engine.stop()
      sender.stop()
      recorder.flush()
    },
  }
}
