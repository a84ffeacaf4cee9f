/** Rows of targets and attempts. The hot paths use prepared statements of their own; see statements.ts for why. */
import type { Statement } from 'better-sqlite3'
import { and, eq, inArray, sql } from 'drizzle-orm'
import type { TargetCounts } from '#shared/domain/deployment-state.ts'
import type {
  AttemptId,
  DeploymentId,
  DeviceId,
  InstallerId,
  SoftwareId,
  TargetId,
} from '#shared/domain/ids.ts'
import type { DevicePlatform, InstallerKind } from '#shared/domain/platforms.ts'
import type { HeldBy, TargetReason } from '#shared/domain/reasons.ts'
import type { RestartState } from '#shared/domain/restart-state.ts'
import {
  nextTargetState,
  isEnded,
  type TargetEvent,
  type TargetState,
} from '#shared/domain/target-state.ts'
import { deploymentAttempts, deploymentTargets, type installers } from '../store/schema/index.ts'
import { createUpdater } from '../store/statements.ts'
import type { Store } from '../store/store.ts'

export type TargetRow = typeof deploymentTargets.$inferSelect
export type AttemptRow = typeof deploymentAttempts.$inferSelect
export type InstallerRow = typeof installers.$inferSelect
export type NewTarget = {
  device_id: DeviceId
  software_id: SoftwareId
  installer_id: InstallerId | null
  position: number
  wave: number
}
/** What may change beside the state itself. */
export type TargetChange = Partial<
  Omit<TargetRow, 'id' | 'deployment_id' | 'device_id' | 'software_id' | 'deployment_status'>
>
/** What the engine holds of a target. */
export type OpenTargetRow = {
  id: TargetId
  deployment_id: DeploymentId
  device_id: DeviceId
  software_id: SoftwareId
  installer_id: InstallerId | null
  position: number
  wave: number
  state: TargetState
  reason: TargetReason | null
  since: string
  attempt: number
  attempt_id: AttemptId | null
  offered_at_ms: number | null
  not_before_ms: number | null
  deadline_ms: number | null
  held_by: HeldBy | null
  held_since_ms: number | null
}
/** An attempt and its target, as far as a report needs them. */
type ReportedAttempt = {
  attempt_id: AttemptId
  attempt: number
  target_id: TargetId
  attempt_ended_at: string | null
  attempt_reason: TargetReason | null
}
type ReportedTarget = Pick<
  TargetRow,
  | 'id'
  | 'deployment_id'
  | 'device_id'
  | 'installer_id'
  | 'deployment_status'
  | 'reason'
  | 'started_at'
  | 'retry_until_ms'
  | 'held_since_ms'
> & { live_attempt_id: AttemptId | null; live_attempt: number }
export type ReportedRow = ReportedAttempt & ReportedTarget
/** A target with the names that people know its parts by. */
export type ViewRow = TargetRow & {
  device_name: string
  software_name: string
  software_version: string
  installer_kind: InstallerKind | null
  installer_platform: DevicePlatform | null
  /** Of an archive: the files in it that install and remove. */
  entry: string | null
  uninstall_entry: string | null
  action: 'install' | 'uninstall'
  size_bytes: number | null
  restart_state: RestartState | null
  restart_reason: TargetReason | null
  restart_message: string | null
  restart_due_at_ms: number | null
  restart_calling_off: string | null
  restart_since: string | null
}
type StepTarget = { id: TargetId; deployment_id: DeploymentId; deployment_status: TargetState }

export class IllegalStep extends Error {}

const OPEN = ['pending', 'downloading', 'installing'] as const
const OPEN_SQL = "('pending', 'downloading', 'installing')"
const ENGINE_COLUMNS = `id, deployment_id, device_id, software_id, installer_id, position, wave, deployment_status state, reason, since,
  attempt, attempt_id, offered_at_ms, not_before_ms, deadline_ms, held_by, held_since_ms`

export function createTargetsRepo({ db, sqlite, transaction }: Store) {
  // Plain ids, not objects: taking JSON apart five times per row would cost as much as writing it.
  const insertTargets = sqlite.prepare(
    `insert into deployment_targets (deployment_id, device_id, software_id, installer_id, position, wave, deployment_status, attempt, since)
     select ?, value, ?, ?, ?, ?, 'pending', 1, ? from json_each(?)`,
  )
  const openOf = sqlite.prepare<[number], OpenTargetRow>(
    `select ${ENGINE_COLUMNS} from deployment_targets where deployment_id = ? and deployment_status in ${OPEN_SQL} order by id`,
  )
  const allOf = sqlite.prepare<[number], OpenTargetRow>(
    `select ${ENGINE_COLUMNS} from deployment_targets where deployment_id = ? order by id`,
  )
  const someOf = sqlite.prepare<[string], OpenTargetRow>(
    `select ${ENGINE_COLUMNS} from deployment_targets where id in (select value from json_each(?))`,
  )
  // Two look-ups by key: one statement that joins them takes five times as long.
  const reportedAttempt = sqlite.prepare<[string], ReportedAttempt>(
    'select attempt_id, attempt, target_id, ended_at attempt_ended_at, reason attempt_reason from deployment_attempts where attempt_id = ?',
  )
  const reportedTarget = sqlite.prepare<[number], ReportedTarget>(
    `select id, deployment_id, device_id, installer_id, deployment_status, reason, attempt_id live_attempt_id, attempt live_attempt,
            started_at, retry_until_ms, held_since_ms from deployment_targets where id = ?`,
  )
  function reported(id: AttemptId): ReportedRow | undefined {
    const attempt = reportedAttempt.get(id)
    const target = attempt && reportedTarget.get(attempt.target_id)
    return target && { ...attempt, ...target }
  }
  const VIEW = `select t.*, d.name device_name, s.name software_name, s.version software_version, i.kind installer_kind, i.size_bytes,
       i.platform installer_platform, i.archive ->> '$.entry' entry, i.archive ->> '$.uninstall_entry' uninstall_entry, p.action,
       r.state restart_state, r.reason restart_reason, r.message restart_message, r.due_at_ms restart_due_at_ms,
       r.calling_off restart_calling_off, r.since restart_since
     from deployment_targets t join devices d on d.id = t.device_id join software s on s.id = t.software_id
     join deployments p on p.id = t.deployment_id
     left join installers i on i.id = t.installer_id left join device_restarts r on r.restart_id = t.restart_id`
  const allViews = sqlite.prepare<[number], ViewRow>(
    `${VIEW} where t.deployment_id = ? order by t.id`,
  )
  const someViews = sqlite.prepare<[string, number], ViewRow>(
    `${VIEW} where t.id in (select value from json_each(?)) and t.deployment_id = ? order by t.id`,
  )
  const targetById = db
    .select()
    .from(deploymentTargets)
    .where(eq(deploymentTargets.id, sql.placeholder('id')))
    .prepare()
  const attemptById = db
    .select()
    .from(deploymentAttempts)
    .where(eq(deploymentAttempts.attempt_id, sql.placeholder('id')))
    .prepare()
  const openOfDevice = db
    .select()
    .from(deploymentTargets)
    .where(
      and(
        eq(deploymentTargets.device_id, sql.placeholder('id')),
        inArray(deploymentTargets.deployment_status, [...OPEN]),
      ),
    )
    .prepare()
  const updateTarget = createUpdater<TargetRow>(sqlite, 'deployment_targets', 'id')
  const updateAttempt = createUpdater<AttemptRow>(sqlite, 'deployment_attempts', 'attempt_id')
  const insertAttempt = sqlite.prepare<[string, number, number, string]>(
    'insert into deployment_attempts (attempt_id, target_id, attempt, created_at) values (?, ?, ?, ?)',
  )
  const waitReason = sqlite.prepare<[string | null, string]>(
    'update deployment_targets set reason = ? where id in (select value from json_each(?))',
  )
  const waitingFor = sqlite
    .prepare<[string]>(
      `select distinct t.deployment_id from json_each(?) d cross join deployment_targets t
       where t.device_id = d.value and t.deployment_status in ${OPEN_SQL}`,
    )
    .pluck()
  const renewPatience = sqlite.prepare<[number, number]>(
    "update deployment_targets set deadline_ms = ? where deployment_id = ? and deployment_status = 'pending' and deadline_ms is not null",
  )

  // Counters move with the states, in the same transaction: gathered while it runs, written once before it commits.
  const moves = new Map<DeploymentId, Map<string, number>>()
  const count = (id: DeploymentId, column: string, by: number): void => {
    const of = moves.get(id) ?? new Map<string, number>()
    moves.set(id, of.set(column, (of.get(column) ?? 0) + by))
  }
  const counters = new Map<string, Statement<[number, number]>>()
  function writeCounters(): void {
    for (const [id, of] of moves)
      for (const [column, by] of of) {
        if (by === 0) continue
        let statement = counters.get(column)
        if (!statement) {
          // Columns are names of states, never input. A round knows nothing of the failure of an earlier one that turns out well.
          const sum = column === 'round_failed' ? 'max(0, round_failed + ?)' : `${column} + ?`
          statement = sqlite.prepare<[number, number]>(
            `update deployments set ${column} = ${sum} where id = ?`,
          )
          counters.set(column, statement)
        }
        statement.run(by, id)
      }
    moves.clear()
  }
  function move(id: DeploymentId, from: TargetState, to: TargetState): void {
    if (from === to) return
    count(id, from, -1)
    count(id, to, 1)
    if (to === 'completed' || to === 'failed') count(id, `round_${to}`, 1)
    // A late truth: what had been counted as a failure of this round was none.
    if (from === 'failed' && to === 'completed') count(id, 'round_failed', -1)
  }

  /** Which targets changed since the engine last asked, of the deployments it asks about. */
  const changed = new Map<DeploymentId, Set<TargetId>>()
  const note = (target: Pick<StepTarget, 'id' | 'deployment_id'>): void => {
    changed.get(target.deployment_id)?.add(target.id)
  }

  return {
    /** One transaction over targets; counters of deployments are written at its end. Nothing of it remains when `work` throws. */
    transaction<T>(work: () => T): T {
      try {
        return transaction(() => {
          const result = work()
          writeCounters()
          return result
        })
      } finally {
        moves.clear()
      }
    },
    /** What the present transaction has added to a deployment's counters so far. */
    countersOnTheWay: (id: DeploymentId, state: keyof TargetCounts): number =>
      moves.get(id)?.get(state) ?? 0,

    /** One statement for all that differ in nothing but their device. */
    insertTargets(id: DeploymentId, sinceIso: string, targets: NewTarget[]): void {
      const alike = new Map<string, { first: NewTarget; devices: DeviceId[] }>()
      for (const target of targets) {
        const { wave, position, software_id, installer_id, device_id } = target
        const key = `${wave}/${position}/${software_id}/${installer_id}`
        const group = alike.get(key)
        if (group) group.devices.push(device_id)
        else alike.set(key, { first: target, devices: [device_id] })
      }
      for (const { first, devices } of alike.values())
        insertTargets.run(
          id,
          first.software_id,
          first.installer_id,
          first.position,
          first.wave,
          sinceIso,
          JSON.stringify(devices),
        )
    },
    target: (id: TargetId): TargetRow | undefined => targetById.get({ id }),
    reported,

    // ---- for the engine
    openTargets: (id: DeploymentId): OpenTargetRow[] => openOf.all(id),
    allTargets: (id: DeploymentId): OpenTargetRow[] => allOf.all(id),
    targetsById: (ids: ReadonlySet<TargetId>): OpenTargetRow[] =>
      ids.size === 0 ? [] : someOf.all(JSON.stringify([...ids])),
    /** Ids of the targets that changed since it was last asked. From the first time on they are remembered. */
    takeChanged(id: DeploymentId): ReadonlySet<TargetId> {
      const ids = changed.get(id)
      changed.set(id, new Set())
      return ids ?? new Set()
    },
    forgetChanged: (id: DeploymentId): void => {
      changed.delete(id)
    },

    /**
     * The only way in which a target's state changes: by arrows of the table, its deployment's counters along with it.
     * Several events in a row are one write: a fast agent may report the end before its progress was read.
     * @throws IllegalStep when the table has no such arrow
     */
    step(
      target: StepTarget,
      events: TargetEvent | readonly TargetEvent[],
      change: TargetChange,
    ): TargetState {
      let state = target.deployment_status
      for (const event of typeof events === 'string' ? [events] : events) {
        const to = nextTargetState(state, event)
        if (to === null) throw new IllegalStep(`${state} has no arrow for ${event}`)
        state = to
      }
      updateTarget(target.id, { ...change, deployment_status: state })
      move(target.deployment_id, target.deployment_status, state)
      note(target)
      return state
    },
    change: (target: Pick<StepTarget, 'id' | 'deployment_id'>, change: TargetChange): void => {
      updateTarget(target.id, change)
      note(target)
    },
    /** Why these stay pending: one statement for all. */
    setWaitReason: (
      deploymentId: DeploymentId,
      ids: TargetId[],
      reason: TargetReason | null,
    ): void => {
      waitReason.run(reason, JSON.stringify(ids))
      for (const id of ids) note({ id, deployment_id: deploymentId })
    },
    /** Time for which nothing could start does not use up the patience with an agent. */
    renewPatience: (id: DeploymentId, untilMs: number): void => {
      renewPatience.run(untilMs, id)
    },
    /** After a restart no answer to an earlier sending can arrive any more. */
    forgetOffers: (): void => {
      db.update(deploymentTargets)
        .set({ offered_at_ms: null })
        .where(sql`${deploymentTargets.offered_at_ms} is not null`)
        .run()
    },
    openTargetsOfDevice: (deviceId: DeviceId): TargetRow[] => openOfDevice.all({ id: deviceId }),
    /** Deployments with open targets on any of these devices. */
    deploymentsWaitingFor: (deviceIds: DeviceId[]): DeploymentId[] =>
      waitingFor.all(JSON.stringify(deviceIds)) as DeploymentId[],
    deploymentsUsingInstaller: (installerId: InstallerId): DeploymentId[] =>
      db
        .selectDistinct({ id: deploymentTargets.deployment_id })
        .from(deploymentTargets)
        .where(
          and(
            eq(deploymentTargets.installer_id, installerId),
            eq(deploymentTargets.deployment_status, 'pending'),
          ),
        )
        .all()
        .map((row) => row.id),
    softwareInUse: (softwareId: SoftwareId): boolean =>
      db
        .select({ id: deploymentTargets.id })
        .from(deploymentTargets)
        .where(
          and(
            eq(deploymentTargets.software_id, softwareId),
            inArray(deploymentTargets.deployment_status, [...OPEN]),
          ),
        )
        .limit(1)
        .get() !== undefined,
    failedTargets: (id: DeploymentId): TargetRow[] =>
      db
        .select()
        .from(deploymentTargets)
        .where(
          and(
            eq(deploymentTargets.deployment_id, id),
            eq(deploymentTargets.deployment_status, 'failed'),
          ),
        )
        .all(),
    views: (id: DeploymentId, targetIds: TargetId[] | null): ViewRow[] =>
      targetIds === null ? allViews.all(id) : someViews.all(JSON.stringify(targetIds), id),

    // ---- attempts
    addAttempt: (
      row: Pick<AttemptRow, 'attempt_id' | 'target_id' | 'attempt' | 'created_at'>,
    ): void => {
      insertAttempt.run(row.attempt_id, row.target_id, row.attempt, row.created_at)
    },
    attempt: (id: AttemptId): AttemptRow | undefined => attemptById.get({ id }),
    attemptsOf: (id: TargetId): AttemptRow[] =>
      db
        .select()
        .from(deploymentAttempts)
        .where(eq(deploymentAttempts.target_id, id))
        .orderBy(deploymentAttempts.attempt)
        .all(),
    endAttempt: (id: AttemptId, end: Partial<AttemptRow>): void => updateAttempt(id, end),
    /** The device whose open target this attempt is the live one of, or null. */
    deviceOfLiveAttempt(id: AttemptId): DeviceId | null {
      const row = reported(id)
      return row && row.live_attempt_id === id && !isEnded(row.deployment_status)
        ? row.device_id
        : null
    },
  }
}
