/** Deployments: the entry point for creating, watching, cancelling and retrying them, and for the reports of agents. */
import type {
  DeploymentOutput,
  DeploymentProgress,
  DeploymentResult,
  ReportReply,
} from '#shared/contract/agent/link.ts'
import type { Preflight } from '#shared/contract/rest/deployments.ts'
import type { CreateDeployment } from '#shared/contract/rest/deployment-requests.ts'
import type { WorkConditions } from '#shared/contract/agent/work-conditions.ts'
import type {
  AttemptId,
  DeploymentId,
  DeviceId,
  InstallerId,
  Sha256,
  SoftwareId,
  UserId,
} from '#shared/domain/ids.ts'
import { chooseInstaller } from '#shared/domain/platforms.ts'
import type { Audit } from '../audit/index.ts'
import type { Clock, Log, Now, Random, Viewer } from '../../base/context.ts'
import { createListeners } from '../../base/listeners.ts'
import type { Devices } from '../devices/index.ts'
import type { Groups } from '../groups/index.ts'
import type { SealedArguments } from '../../base/sealed-arguments.ts'
import type { Settings } from '../settings/index.ts'
import type { Signer } from '../signing/index.ts'
import type { Software } from '../software/index.ts'
import type { Store } from '../../store/store.ts'
import { createChanges, type Changes, type DeploymentsEvent } from './changes.ts'
import { createControl } from './people/control.ts'
import { createClockRepo } from './tables/clock.repo.ts'
import { createAgentRules } from './shell/agent-rules.ts'
import { createCommands } from './shell/commands.ts'
import { createDeployment } from './request/create.ts'
import { createDeploymentsRepo } from './tables/deployments.repo.ts'
import { createEngine } from './shell/engine.ts'
import { createFileFaults } from './reports/file-faults.ts'
import { createFigures } from './views/figures.ts'
import { preflight } from './request/preflight.ts'
import { createMoveDevice } from './people/move-device.ts'
import { createOutputsRepo } from './tables/outputs.repo.ts'
import { createResolve } from './request/resolve.ts'
import { createReader } from './views/read.ts'
import { createReconcile } from './reports/reconcile.ts'
import { createRecorder } from './reports/record.ts'
import { createReports } from './reports/reports.ts'
import { createOpenTargets } from './shell/open-targets.ts'
import { createSender, type AgentPort } from './shell/sender.ts'
import { createRestarts } from './restarts/restarts.ts'
import { createRestartsRepo } from './restarts/restarts.repo.ts'
import { createRestartAuditRecords } from './restarts/audit-records.ts'
import { createAuditRecords } from './audit-records.ts'
import { ENGINE_TIMINGS, type EngineTimings } from './timings.ts'
import { createWorkbooks } from './views/workbook.ts'

export type { DeploymentsEvent } from './changes.ts'
export { createDeploymentFacts } from './facts.ts'
export type { AgentPort } from './shell/sender.ts'
export type { ActiveDeployment } from './views/figures.ts'
export type { EngineTimings } from './timings.ts'
export type Deployments = ReturnType<typeof createDeployments>

export function createDeployments(deps: {
  store: Store
  now: Now
  clock: Clock
  random: Random
  log: Log
  audit: Audit
  devices: Devices
  groups: Groups
  software: Software
  sealed: SealedArguments
  sign: Signer['sign']
  /** The id by which agents know the signing key. */
  keyId: () => string
  ticketUrl: (ticket: { attemptId: AttemptId; sha256: Sha256; deviceId: DeviceId }) => string
  agents: AgentPort
  settings: Pick<Settings, 'get'>
  /** The folder of the built workers; null: beside the sources. */
  workersDir: string | null
  timings?: Partial<EngineTimings>
}) {
  const { store, devices, log, now, clock, random } = deps
  const timings = { ...ENGINE_TIMINGS, ...deps.timings }
  const repo = createDeploymentsRepo(store)
  const outputs = createOutputsRepo(store, repo)
  const workbooks = createWorkbooks({ workersDir: deps.workersDir, clock })
  const listeners = new Set<(event: DeploymentsEvent) => void>()

  /** What each commit changed. The parts that it concerns subscribe below, once they exist. */
  const commits = createListeners<Changes>()
  const committed = commits.emit
  const { fileFault, checkFile } = deps.software
  const fileFaults = createFileFaults({ repo, checkFile, committed, log })
  const openTargets = createOpenTargets({
    ...{ repo, now, fileFault },
    areSecretsLost: deps.sealed.isLost,
  })
  const recorder = createRecorder({
    repo,
    apply: createReports({ repo, outputs, sealed: deps.sealed, fileFault, now, log, timings }),
    clock,
    log,
    timings,
    committed,
    isLow: () => store.freeSpace.isLow(),
  })
  const conditions = (): WorkConditions => {
    const { work_on_battery, work_on_metered } = deps.settings.get()
    return { on_battery: work_on_battery, on_metered: work_on_metered }
  }
  const agentRules = createAgentRules()
  const sender = createSender({
    repo,
    agentRules,
    sealed: deps.sealed,
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
    clock,
    log,
    nameOf: (id) => devices.eligibility(id).name,
    cancelLost: openTargets.cancelLost,
  })
  const auditRecords = createAuditRecords({ audit: deps.audit, repo })
  const { resolve, waitingForGroup } = createResolve({ ...deps, repo, auditRecords })
  const restarts = createRestarts({
    ...{ clock, random },
    ...{ devices, sign: deps.sign, keyId: deps.keyId, agents: deps.agents },
    ...{ now, log, timings, committed },
    repo: createRestartsRepo(store),
    deployments: repo,
    workingDevices: openTargets.workingDevices,
    auditRecords: createRestartAuditRecords({
      ...{ audit: deps.audit, deployments: repo },
      nameOf: (id) => devices.eligibility(id).name,
    }),
  })
  const engine = createEngine({
    ...{ repo, openTargets, devices, sender, auditRecords },
    ...{ now, log, timings, committed },
    ...{ clock, random },
    clockRepo: createClockRepo(store),
    moved: restarts.clockMoved,
    restartingDevices: restarts.restartingDevices,
    resolve: (id) => void resolve(id, true),
  })
  commits.on((changes) => {
    for (const event of changes.events()) listeners.forEach((listener) => listener(event))
    engine.poke(changes.toRun)
    if (changes.toRun.size + changes.freed.size > 0) restarts.poke()
    fileFaults.checkFilesOf(changes.mismatched)
    // Other deployments may wait for a device that became free. Usually there are none.
    if (changes.freed.size > 0 && repo.activeIds().some((id) => !changes.toRun.has(id)))
      engine.poke(repo.deploymentsWaitingFor([...changes.freed]))
  })
  devices.onChange(({ id }) => {
    openTargets.touch(id)
    engine.poke(repo.deploymentsWaitingFor([id]))
    restarts.poke()
  })

  deps.groups.onChange(({ id: groupId }) => {
    const changes = createChanges()
    for (const { id } of waitingForGroup(groupId))
      if (resolve(id, false)) {
        openTargets.forget(id)
        changes.deployment(id)
        changes.toRun.add(id)
      }
    committed(changes)
  })

  const installerFor = ({
    device_id,
    software_id,
  }: {
    device_id: DeviceId
    software_id: SoftwareId
  }): InstallerId | null => {
    const device = devices.row(device_id)
    return (device && chooseInstaller(deps.software.installersOf(software_id), device)?.id) ?? null
  }
  const createDeps = { ...deps, repo, auditRecords }
  const { visible, view, ...read } = createReader({ repo, outputs, restarts, workbooks })
  const control = createControl({
    repo,
    restarts,
    audit: deps.audit,
    software: deps.software,
    installerFor,
    visible,
    view,
    now,
    timings,
    decided: (changes) => {
      committed(changes)
      engine.pokeNow(changes.toRun)
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
        { ...deps, conditions, workingDevices: openTargets.workingDevices, restarts, agentRules },
        viewer,
        input,
      ),

    ...read,
    ...createFigures({ repo, now }),
    ...control,

    subscribe(listener: (event: DeploymentsEvent) => void): () => void {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },

    // ---- from agents; each resolves after the commit
    result: (deviceId: DeviceId, body: DeploymentResult): Promise<ReportReply> =>
      recorder.take({ kind: 'result', deviceId, body }),
    reportProgress: (deviceId: DeviceId, body: DeploymentProgress): Promise<ReportReply> =>
      recorder.take({ kind: 'progress', deviceId, body }),
    reportOutput: (deviceId: DeviceId, body: DeploymentOutput): Promise<ReportReply> =>
      recorder.take({ kind: 'output', deviceId, body }),
    reconcile: createReconcile({ repo, recorder, restarts, agentRules, engine }),
    /** Moves a device's targets to another row for the same PC. Inside a transaction; pass the result to `moved` afterwards. @throws AppError E_ILLEGAL_STATE */
    moveDevice: createMoveDevice({ repo, now, installerFor, forget: openTargets.forget }),
    moved: (changes: Changes): void => committed(changes),
    /** Makes the names of the next deployments searchable. @returns how many */
    index: (limit: number): number => repo.index(limit),
    /** For the removal of a user: how many deployments they own, and how many of those are active. */
    countOf: (id: UserId): { all: number; active: number } => repo.countOf(id),
    /** @returns how many moved */
    transfer: (from: UserId, to: UserId | null, name: string, limit: number): number =>
      repo.transfer(from, to, name, limit),
    /** Devices at work now. */
    workingDevices: openTargets.workingDevices,
    /** A package given as a URL was fetched, or could not be. */
    installerSettled: (id: InstallerId): void => engine.poke(repo.deploymentsUsingInstaller(id)),

    start(): void {
      engine.start()
      restarts.start()
    },
    /** Commits waiting reports and stops. Targets keep their state, and the next start continues them. */
    stop(): void {
      engine.stop()
      restarts.stop()
      sender.stop()
      void workbooks.stop()
      recorder.flush()
    },
  }
}
