/**
 * The shell around `planRestart()`: load, plan, commit, send. Restarts and their progress live in the store alone, so a restart
 * of the controller is just another run. Memory holds only what agents have reported since they connected.
 */
import type { RestartAbility, RestartReply } from '#shared/contract/agent/restart.ts'
import { coded } from '#shared/domain/coded-texts/codes.ts'
import type { DeploymentId, DeviceId, RestartId } from '#shared/domain/ids.ts'
import {
  isRestartOpen,
  type OpenRestartState,
  type RestartEvent,
} from '#shared/domain/restart-state.ts'
import { isoTime, type Clock, type Random } from '../../../base/context.ts'
import { noteOf } from '../../../base/coded-note.ts'
import { createSingleTicker, type TickerTime } from '../../../base/ticker.ts'
import type { Devices } from '../../devices/index.ts'
import { createChanges, type Changes } from '../changes.ts'
import type { DeploymentRow, DeploymentsRepo } from '../tables/deployments.repo.ts'
import { toPlan } from '../core/plan-row.ts'
import type { EngineTimings } from '../timings.ts'
import { answered } from './answer.ts'
import {
  keepsBusy,
  planRestart,
  type PlanRestart,
  type RestartSnapshot,
  type RestartWait,
} from './plan-restart.ts'
import type { RestartChange, RestartRow, RestartsRepo } from './restarts.repo.ts'
import type { RestartAuditRecords } from './audit-records.ts'
import { createRestartSender, type RestartSenderDeps } from './restart-sender.ts'

/** Most steps of one restart in one run: note its boot, note that it is ready, order it. */
const STEPS_PER_RUN = 4
const CLAIMS_PER_RUN = 500
/** One run handles all events within this time. */
const COALESCE_MS = 50

export type Restarts = ReturnType<typeof createRestarts>

type Deps = RestartSenderDeps & {
  repo: RestartsRepo
  deployments: Pick<DeploymentsRepo, 'byId'>
  devices: Pick<Devices, 'eligibility' | 'presence' | 'takeSequence'>
  auditRecords: RestartAuditRecords
  /** Devices at work for any deployment. */
  workingDevices: () => ReadonlySet<DeviceId>
  clock: TickerTime & Pick<Clock, 'settle'>
  random: Random
  timings: EngineTimings
  /** Called after every commit. */
  committed: (changes: Changes) => void
}

export function createRestarts(deps: Deps) {
  const { repo, devices, timings, now } = deps
  const abilities = new Map<DeviceId, RestartAbility | 'too_old'>()
  const sender = createRestartSender({ ...deps, answered: take, over: () => ticker.soon() })
  const ticker = createSingleTicker({
    time: deps.clock,
    soonMs: COALESCE_MS,
    heartbeatMs: timings.heartbeatMs,
    run,
    failed,
  })

  function changed(row: RestartRow, changes: Changes): void {
    for (const id of repo.targetsOf(row.restart_id)) changes.target(row.deployment_id, id)
    changes.deployment(row.deployment_id)
  }
  function step(row: RestartRow, event: RestartEvent, change: RestartChange, changes: Changes) {
    const state = repo.step(row, event, { reason: null, since: isoTime(now()), ...change })
    sender.forget(row.restart_id)
    changed(row, changes)
    const after = { ...row, ...change, state }
    if (event === 'ordered') deps.auditRecords.ordered(after)
    if (isRestartOpen(state)) return
    deps.auditRecords.ended(after)
    changes.freed.add(row.device_id)
  }

  /** Assigns every target that needs a restart the one that will complete it. */
  function claim(changes: Changes): void {
    for (const { id, deployment_id, device_id } of repo.unclaimed(CLAIMS_PER_RUN)) {
      const last = repo.lastOf(deployment_id, device_id)
      const joins = last?.state === 'owed'
      const restart_id = joins
        ? last.restart_id
        : (deps.random.bytes(16).toString('hex') as RestartId)
      if (!joins) {
        const at = isoTime(now())
        const round = (last?.round ?? 0) + 1
        const first = { state: 'owed', round, created_at: at, since: at } as const
        repo.insert({ restart_id, deployment_id, device_id, ...first })
      }
      repo.claim(id, restart_id)
      changes.moved({ id, deployment_id })
    }
  }

  const toPlanRestart = (row: RestartRow): PlanRestart => ({
    state: row.state as OpenRestartState,
    reason: row.reason as RestartWait | null,
    withdrawalReason: row.calling_off,
    bootId: row.boot_id,
    createdAtMs: Date.parse(row.created_at),
    readySinceMs: row.ready_since_ms,
    notBeforeMs: row.not_before_ms,
    orderedAtMs: row.ordered_at_ms,
    dueAtMs: row.due_at_ms,
    askedAtMs: sender.lastMs(row.restart_id),
  })
  function snapshotOf(
    row: RestartRow,
    deployment: DeploymentRow,
    working: () => ReadonlySet<DeviceId>,
  ): RestartSnapshot {
    const id = row.device_id
    const { status, canceling, paused, window, offlinePolicy, waitMs } = toPlan(deployment)
    return {
      restart: toPlanRestart(row),
      deployment: {
        ...{ status, canceling, paused, window, offlinePolicy, waitMs },
        reboot: deployment.reboot,
        restartsCanceled: deployment.restarts_canceled,
        delayMs: deployment.reboot_delay_minutes * 60_000,
      },
      device: {
        ...devices.eligibility(id),
        reachability: devices.presence.of(id, now()).reachability,
        ability: abilities.get(id) ?? null,
        works: working().has(id),
        isAwaited: repo.hasOpenTargets(row.deployment_id, id),
        restartsElsewhere: repo.isOrderedElsewhere(id, row.restart_id),
      },
    }
  }

  /** One step of one restart. True: another may follow immediately. */
  function advance(
    row: RestartRow,
    snapshot: RestartSnapshot,
    changes: Changes,
    unsent: RestartRow[],
  ): boolean {
    const action = planRestart(snapshot, now(), timings)
    if (!action) return false
    switch (action.type) {
      case 'wait':
        repo.change(row.restart_id, { reason: action.reason })
        changed(row, changes)
        return false
      case 'note_boot':
        repo.change(row.restart_id, { boot_id: action.bootId })
        return true
      case 'note_ready':
        repo.change(row.restart_id, { ready_since_ms: now() })
        return true
      case 'order': {
        const due_at_ms = now() + snapshot.deployment.delayMs
        step(row, 'ordered', { ordered_at_ms: now(), due_at_ms, not_before_ms: null }, changes)
        return true
      }
      case 'withdraw':
        repo.change(row.restart_id, { calling_off: action.why })
        sender.forget(row.restart_id)
        changed(row, changes)
        return true
      case 'send':
        unsent.push(row)
        return false
      case 'end':
        step(row, action.event, action.note, changes)
        return false
    }
  }

  /** @throws what the store or a row throws, and then writes nothing */
  function commit(ids: readonly RestartId[]): void {
    const changes = createChanges()
    const unsent: RestartRow[] = []
    let working: ReadonlySet<DeviceId> | null = null
    repo.transaction(() => {
      for (const id of ids)
        for (let n = 0; n < STEPS_PER_RUN; n++) {
          const row = repo.byId(id)!
          const deployment = deps.deployments.byId(row.deployment_id)
          if (!deployment || !isRestartOpen(row.state)) break
          const snapshot = snapshotOf(row, deployment, () => (working ??= deps.workingDevices()))
          if (!advance(row, snapshot, changes, unsent)) break
        }
    })
    deps.committed(changes)
    unsent.forEach(sender.send)
  }
  function failed(error: unknown): void {
    deps.log.error({ err: error }, 'a restart could not be advanced; it is retried')
  }
  /** One restart that cannot be advanced must not stop or delay the others. @throws if all fail */
  function commitEach(ids: readonly RestartId[]): void {
    const errors: unknown[] = []
    for (const id of ids)
      try {
        commit([id])
      } catch (error) {
        errors.push(error)
      }
    if (errors.length === ids.length) throw errors[0]
    errors.forEach(failed)
  }
  function run(): void {
    deps.clock.settle()
    const changes = createChanges()
    repo.transaction(() => claim(changes))
    deps.committed(changes)
    const ids = repo.open().map((row) => row.restart_id)
    try {
      commit(ids)
    } catch {
      commitEach(ids)
    }
  }

  function take(id: RestartId, sent: 'order' | 'withdrawal', reply: RestartReply): void {
    const changes = createChanges()
    repo.transaction(() => {
      const row = repo.byId(id)
      if (!row || !isRestartOpen(row.state)) return
      const result = answered(row, sent, reply, now(), timings)
      if (result === null) return
      if (result.event) return step(row, result.event, result.change, changes)
      repo.change(id, result.change)
      changed(row, changes)
    })
    deps.committed(changes)
  }

  return {
    /** Run soon. */
    poke: (): void => ticker.soon(),
    /** Records the ability that an agent reports when it connects. Undefined: it does not support restarts. */
    met(deviceId: DeviceId, ability: RestartAbility | undefined): void {
      abilities.set(deviceId, ability ?? 'too_old')
      for (const row of repo.open()) if (row.device_id === deviceId) sender.forget(row.restart_id)
      ticker.soon()
    },
    /** What its agent last reported; null: not connected since the controller started. */
    abilityOf: (id: DeviceId): RestartAbility | 'too_old' | null => abilities.get(id) ?? null,
    /** Devices that are about to restart or are restarting: nothing else starts on them. */
    restartingDevices(this: void): ReadonlySet<DeviceId> {
      const busy = new Set<DeviceId>()
      for (const { device_id: id, state, due_at_ms: dueAtMs } of repo.underWay())
        if (keepsBusy({ state, dueAtMs }, devices.presence.isOnline(id), now(), timings))
          busy.add(id)
      return busy
    },
    /**
     * Cancels these restarts: ends those not ordered yet and withdraws those that are. Inside the caller's transaction.
     * @returns how many
     */
    withdraw(
      deploymentId: DeploymentId,
      isMeant: (deviceId: DeviceId) => boolean,
      changes: Changes,
    ): number {
      const rows = repo.openOf(deploymentId).filter((row) => isMeant(row.device_id))
      for (const row of rows) {
        if (row.state === 'owed') {
          step(row, 'canceled', noteOf(coded('restart_canceled', {})), changes)
          continue
        }
        repo.change(row.restart_id, { calling_off: 'canceled' })
        sender.forget(row.restart_id)
        changed(row, changes)
      }
      return rows.length
    },
    /** Deployments with restarts that have not ended. */
    openDeployments: (): Set<DeploymentId> => new Set(repo.open().map((row) => row.deployment_id)),
    countsOf: (id: DeploymentId) => repo.counts(id),
    /** Call it when deadlines were shifted because the clock was changed. */
    clockMoved(this: void): void {
      sender.forgetAll()
      ticker.soon()
    },
    start(): void {
      ticker.start()
      ticker.now()
    },
    stop(): void {
      sender.stop()
      void ticker.stop()
    },
  }
}
