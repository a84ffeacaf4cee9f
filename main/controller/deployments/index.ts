/** Deployments: the one door to creating, watching, cancelling and retrying them, and to what agents report. */
import type {
  DeploymentOutput,
  DeploymentProgress,
  DeploymentResult,
  Hello,
  ReportReply,
} from '#shared/contract/agent-link.ts'
import type { WorkConditions } from '#shared/contract/work-conditions.ts'
import type {
  Attempt,
  Deployment,
  Preflight,
  Progress,
  Target,
  TargetTotals,
} from '#shared/contract/entities.ts'
import { AppError } from '#shared/contract/errors.ts'
import type { CreateDeployment } from '#shared/contract/requests.ts'
import type { RouteReply } from '#shared/contract/rest.ts'
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
import { chooseInstaller } from '#shared/domain/platforms.ts'
import type { Audit } from '../audit/index.ts'
import { maySee, type Log, type Now, type Viewer } from '../context.ts'
import type { Devices } from '../devices/index.ts'
import type { Groups } from '../groups/index.ts'
import type { Settings } from '../settings/index.ts'
import type { Signer } from '../signing/index.ts'
import type { Software } from '../software/index.ts'
import type { Store } from '../store/store.ts'
import { createChanges, type Changes, type DeploymentsEvent } from './changes.ts'
import { createControl } from './control.ts'
import { createCommands } from './commands.ts'
import { createDeployment } from './create.ts'
import { createDeploymentsRepo, type DeploymentRow, type TargetRow } from './deployments.repo.ts'
import { createDecisions } from './decisions.ts'
import { createEngine } from './engine.ts'
import { ACTIVE, createFigures } from './figures.ts'
import { preflight } from './preflight.ts'
import { createOutputsRepo } from './outputs.repo.ts'
import { createRecorder } from './record.ts'
import { createReports } from './reports.ts'
import { createSender, type AgentPort } from './sender.ts'
import { createRestarts, type Restarts } from './restarts/restarts.ts'
import { createRestartsRepo } from './restarts/restarts.repo.ts'
import { createRestartTrail } from './restarts/restart-trail.ts'
import { createTrail } from './trail.ts'
import { ENGINE_TIMINGS, type EngineTimings } from './timings.ts'
import { toAttempt, toCsv, toDeployment, toProgress, toTarget, totals } from './views.ts'

export type { DeploymentsEvent } from './changes.ts'
export type { AgentPort } from './sender.ts'
export type { EngineTimings } from './timings.ts'
export type Deployments = ReturnType<typeof createDeployments>

export function createDeployments(deps: {
  store: Store
  now: Now
  log: Log
  audit: Audit
  devices: Devices
  groups: Groups
  software: Software
  sign: Signer['sign']
  /** The name by which agents know the key that signs. */
  keyId: () => string
  ticketUrl: (ticket: { attemptId: AttemptId; sha256: Sha256; deviceId: DeviceId }) => string
  agents: AgentPort
  settings: Pick<Settings, 'get'>
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
    engine.poke(changes.owing)
    if (changes.owing.size + changes.freed.size > 0) restarts.poke()
    // Whoever else waits for a device that has come free. Mostly there is nobody else.
    if (changes.freed.size > 0 && repo.activeIds().some((id) => !changes.owing.has(id)))
      engine.poke(repo.deploymentsWaitingFor([...changes.freed]))
  }
  const recorder = createRecorder({
    repo,
    apply: createReports({ repo, outputs, now, log, timings }),
    log,
    timings,
    committed,
  })
  const conditions = (): WorkConditions => {
    const { work_on_battery, work_on_metered } = deps.settings.get()
    return { on_battery: work_on_battery, on_metered: work_on_metered }
  }
  const sender = createSender({
    repo,
    commands: createCommands({
      keyId: deps.keyId,
      now,
      ticketUrl: deps.ticketUrl,
      conditions,
    }),
    sign: deps.sign,
    agents: deps.agents,
    recorder,
    timings,
    log,
    cancelLost: (target): void => engine.cancelLost(target.deployment_id, target.id),
  })
  const trail = createTrail({ audit: deps.audit, repo })
  const { isFileMissing } = deps.software
  const engine = createEngine({
    ...{ repo, devices, sender, trail, isFileMissing },
    ...{ now, log, timings, committed },
    restartingDevices: () => restarts.restartingDevices(),
  })
  const restarts: Restarts = createRestarts({
    ...{ devices, sign: deps.sign, keyId: deps.keyId, agents: deps.agents },
    ...{ now, log, timings, committed },
    repo: createRestartsRepo(store),
    deployments: repo,
    workingDevices: engine.workingDevices,
    trail: createRestartTrail({
      ...{ audit: deps.audit, deployments: repo },
      nameOf: (id) => devices.standing(id).name,
    }),
  })
  devices.onChange(({ id }) => {
    engine.poke(repo.deploymentsWaitingFor([id]))
    restarts.poke()
  })

  const createDeps = { ...deps, repo, trail }

  function visible(viewer: Viewer, id: DeploymentId): DeploymentRow {
    const row = repo.byId(id)
    if (!row || !maySee(viewer, row.created_by))
      throw new AppError('E_NOT_FOUND', 'This deployment does not exist.')
    return row
  }
  function targetOf(viewer: Viewer, id: DeploymentId, targetId: TargetId): TargetRow {
    visible(viewer, id)
    const target = repo.target(targetId)
    if (target?.deployment_id !== id)
      throw new AppError('E_NOT_FOUND', 'This target does not exist.')
    return target
  }
  const view = (id: DeploymentId): Deployment => {
    const row = repo.byId(id)!
    return toDeployment(row, repo.creatorName(row.created_by), restarts.countsOf)
  }
  const control = createControl({
    repo,
    decisions: createDecisions({ repo, now, timings }),
    restarts,
    audit: deps.audit,
    software: deps.software,
    installerFor: ({ device_id, software_id }) => {
      const device = devices.row(device_id)
      return (
        (device && chooseInstaller(deps.software.installersOf(software_id), device)?.id) ?? null
      )
    },
    visible,
    view,
    decided: (changes) => {
      committed(changes)
      engine.pokeNow(changes.owing)
      restarts.poke()
    },
  })

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
        { ...deps, conditions, workingDevices: engine.workingDevices, restarts },
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
      return {
        deployments: rows.map((row) =>
          toDeployment(row.deployment, row.creator, restarts.countsOf),
        ),
        total,
      }
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
    /** Every try of a target, oldest first. @throws AppError E_NOT_FOUND */
    attempts(viewer: Viewer, id: DeploymentId, targetId: TargetId): Attempt[] {
      targetOf(viewer, id, targetId)
      return repo.attemptsOf(targetId).map(toAttempt)
    },
    /** What the installer printed, in the present attempt or in an earlier one. @throws AppError E_NOT_FOUND */
    output(
      viewer: Viewer,
      id: DeploymentId,
      targetId: TargetId,
      number?: number,
    ): RouteReply<'deployments.output'> {
      const target = targetOf(viewer, id, targetId)
      const wanted = number ?? target.attempt
      const attempt = repo.attemptsOf(targetId).find((row) => row.attempt === wanted)
      if (number !== undefined && !attempt)
        throw new AppError('E_NOT_FOUND', `This target has no attempt ${number}.`)
      return {
        target_id: targetId,
        attempt: wanted,
        text: attempt ? outputs.text(attempt.attempt_id) : '',
        omitted_bytes: attempt?.output_omitted_bytes ?? 0,
        last_seq: attempt?.output_last_seq ?? 0,
      }
    },

    ...control,

    ...createFigures({ repo, now }),

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
      restarts.met(deviceId, hello.restart)
      const held = new Set(hello.attempts)
      const told: Promise<ReportReply>[] = []
      for (const target of repo.openTargetsOfDevice(deviceId)) {
        const { attempt_id: attemptId } = target
        if (attemptId === null) continue
        const isPending = target.deployment_status === 'pending'
        if (held.has(attemptId)) {
          // It has it, so its answer to the command is not needed any more.
          const reply = { accepted: true } as const
          if (isPending) told.push(recorder.take({ kind: 'reply', deviceId, attemptId, reply }))
        } else if (isPending)
          repo.change(target, { offered_at_ms: null, not_before_ms: null, deadline_ms: null })
        else told.push(recorder.take({ kind: 'lost', deviceId, targetId: target.id }))
      }
      await Promise.all(told)
      engine.poke(repo.deploymentsWaitingFor([deviceId]))
    },
    deviceOfLiveAttempt: (attemptId: AttemptId): DeviceId | null =>
      repo.deviceOfLiveAttempt(attemptId),
    /** That have, or had, this device as a target. */
    idsOfDevice: (id: DeviceId): DeploymentId[] => repo.idsOfDevice(id),
    /** For the removal of a user: all of his, and those of them that have not ended. */
    countOf: (id: UserId): { all: number; active: number } => repo.countOf(id),
    handOver(from: UserId, to: UserId | null): void {
      repo.handOver(from, to)
    },
    /** Devices at work now. */
    workingDevices: (): ReadonlySet<DeviceId> => engine.workingDevices(),
    isSoftwareInUse: (id: SoftwareId): boolean => repo.softwareInUse(id),
    /** A package given as an address has arrived, or cannot be had. */
    installerSettled: (id: InstallerId): void => engine.poke(repo.deploymentsUsingInstaller(id)),

    start(): void {
      engine.start()
      restarts.start()
    },
    /** Commits what waits and stops looking. Targets keep their state; the next start takes them up. */
    stop(): void {
      engine.stop()
      restarts.stop()
      sender.stop()
      recorder.flush()
    },
  }
}
