import { and, count, desc, eq, inArray, like, sql } from 'drizzle-orm'
import {
  nextTargetState,
  isEnded,
  type TargetEvent,
  type TargetState,
} from '#shared/domain/target-state.ts'
import type { TargetCounts } from '#shared/domain/deployment-state.ts'
import type {
  AttemptId,
  DeploymentId,
  DeviceId,
  InstallerId,
  SoftwareId,
  TargetId,
  UserId,
} from '#shared/domain/ids.ts'
import {
  deploymentAttempts,
  deployments,
  deploymentTargets,
  devices,
  installers,
  software,
  users,
} from '../store/schema/index.ts'
import { createUpdater } from '../store/statements.ts'
import type { Store } from '../store/store.ts'

export type DeploymentRow = typeof deployments.$inferSelect
export type TargetRow = typeof deploymentTargets.$inferSelect
export type AttemptRow = typeof deploymentAttempts.$inferSelect
export type NewTarget = {
  device_id: DeviceId
  software_id: SoftwareId
  installer_id: InstallerId | null
  position: number
}
/** What may change beside the state itself. */
export type TargetChange = Partial<
  Omit<TargetRow, 'id' | 'deployment_id' | 'device_id' | 'software_id' | 'deployment_status'>
>

export class IllegalStep extends Error {}

const viewColumns = {
  target: deploymentTargets,
  device_name: devices.name,
  software_name: software.name,
  software_version: software.version,
  installer_kind: installers.kind,
}

export function createDeploymentsRepo({ db, sqlite }: Store) {
  const insertTargets = sqlite.prepare(
    `insert into deployment_targets (deployment_id, device_id, software_id, installer_id, position, deployment_status, attempt, since)
     select ?, json_extract(value, '$.device_id'), json_extract(value, '$.software_id'), json_extract(value, '$.installer_id'),
            json_extract(value, '$.position'), 'pending', 1, ? from json_each(?)`,
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
  const deploymentById = db
    .select()
    .from(deployments)
    .where(eq(deployments.id, sql.placeholder('id')))
    .prepare()
  const installerById = db
    .select()
    .from(installers)
    .where(eq(installers.id, sql.placeholder('id')))
    .prepare()
  const openOfDevice = db
    .select()
    .from(deploymentTargets)
    .where(
      and(
        eq(deploymentTargets.device_id, sql.placeholder('id')),
        inArray(deploymentTargets.deployment_status, ['pending', 'downloading', 'installing']),
      ),
    )
    .prepare()
  const updateTarget = createUpdater<TargetRow>(sqlite, 'deployment_targets', 'id')
  const updateAttempt = createUpdater<AttemptRow>(sqlite, 'deployment_attempts', 'attempt_id')
  const insertAttempt = sqlite.prepare<[string, number, number, string]>(
    'insert into deployment_attempts (attempt_id, target_id, attempt, created_at) values (?, ?, ?, ?)',
  )
  const waitingFor = sqlite
    .prepare<[string]>(
      `select distinct deployment_id from deployment_targets
       where device_id in (select value from json_each(?)) and deployment_status in ('pending', 'downloading', 'installing')`,
    )
    .pluck()
  // Counters move with the state, in the same transaction. One statement per pair of states, made when first needed.
  const moves = new Map<string, ReturnType<typeof sqlite.prepare>>()
  const move = (from: TargetState, to: TargetState) => {
    const key = `${from}>${to}`
    let statement = moves.get(key)
    if (!statement) {
      // The names are states of the closed list, never input.
      statement = sqlite.prepare(
        `update deployments set ${from} = ${from} - 1, ${to} = ${to} + 1 where id = ?`,
      )
      moves.set(key, statement)
    }
    return statement
  }
  const busy = sqlite.prepare<[]>(
    `select device_id, deployment_id from deployment_targets
     where deployment_status in ('downloading', 'installing') or (deployment_status = 'pending' and offered_at_ms is not null)`,
  )

  return {
    // ---- deployments
    insert(row: typeof deployments.$inferInsert, targets: NewTarget[]): DeploymentRow {
      const made = db
        .insert(deployments)
        .values({ ...row, pending: targets.length })
        .returning()
        .get()
      insertTargets.run(made.id, row.created_at, JSON.stringify(targets))
      return made
    },
    byId: (id: DeploymentId): DeploymentRow | undefined => deploymentById.get({ id }),
    update: (id: DeploymentId, change: Partial<DeploymentRow>): void => {
      db.update(deployments).set(change).where(eq(deployments.id, id)).run()
    },
    activeIds: (): DeploymentId[] =>
      db
        .select({ id: deployments.id })
        .from(deployments)
        .where(inArray(deployments.status, ['pending', 'in_progress']))
        .all()
        .map((row) => row.id),
    creatorName: (id: UserId | null): string | null =>
      id === null
        ? null
        : (db.select({ name: users.username }).from(users).where(eq(users.id, id)).get()?.name ??
          null),
    page(
      filter: { ownerId: UserId | null; statuses: DeploymentRow['status'][] | null; q?: string },
      limit: number,
      offset: number,
    ) {
      const where = and(
        filter.ownerId === null ? undefined : eq(deployments.created_by, filter.ownerId),
        filter.statuses ? inArray(deployments.status, filter.statuses) : undefined,
        filter.q ? like(deployments.name, `%${filter.q.replaceAll(/[%_\\]/g, '')}%`) : undefined,
      )
      return {
        rows: db
          .select({ deployment: deployments, creator: users.username })
          .from(deployments)
          .leftJoin(users, eq(users.id, deployments.created_by))
          .where(where)
          .orderBy(desc(deployments.id))
          .limit(limit)
          .offset(offset)
          .all(),
        total: db.select({ n: count() }).from(deployments).where(where).get()?.n ?? 0,
      }
    },
    statusCounts: () =>
      db
        .select({ status: deployments.status, n: count() })
        .from(deployments)
        .groupBy(deployments.status)
        .all(),
    endedSince: (sinceIso: string) =>
      db
        .select({ status: deploymentTargets.deployment_status, n: count() })
        .from(deploymentTargets)
        .where(sql`${deploymentTargets.completed_at} >= ${sinceIso}`)
        .groupBy(deploymentTargets.deployment_status)
        .all(),

    // ---- targets
    target: (id: TargetId): TargetRow | undefined => targetById.get({ id }),
    /** Not ended, with what the plan needs of the installer and the device's name. */
    openTargets: (id: DeploymentId) =>
      db
        .select({
          id: deploymentTargets.id,
          device_id: deploymentTargets.device_id,
          position: deploymentTargets.position,
          state: deploymentTargets.deployment_status,
          reason: deploymentTargets.reason,
          since: deploymentTargets.since,
          attempt: deploymentTargets.attempt,
          attempt_id: deploymentTargets.attempt_id,
          offered_at_ms: deploymentTargets.offered_at_ms,
          not_before_ms: deploymentTargets.not_before_ms,
          deadline_ms: deploymentTargets.deadline_ms,
          installer_id: deploymentTargets.installer_id,
          fetch_state: installers.fetch_state,
          fetch_reason: installers.fetch_reason,
          fetch_message: installers.fetch_message,
          device_name: devices.name,
          device_deleted_at: devices.deleted_at,
          device_approved: devices.approved,
          device_blocked: devices.blocked,
        })
        .from(deploymentTargets)
        .innerJoin(devices, eq(devices.id, deploymentTargets.device_id))
        .leftJoin(installers, eq(installers.id, deploymentTargets.installer_id))
        .where(
          and(
            eq(deploymentTargets.deployment_id, id),
            inArray(deploymentTargets.deployment_status, ['pending', 'downloading', 'installing']),
          ),
        )
        .all(),
    /** Devices that work, or are about to, and for which deployment. */
    busyDevices: (): { device_id: DeviceId; deployment_id: DeploymentId }[] =>
      busy.all() as { device_id: DeviceId; deployment_id: DeploymentId }[],
    installer: (id: InstallerId): InstallerRow | undefined => installerById.get({ id }),
    softwareName: (id: SoftwareId): string =>
      db.select({ name: software.name }).from(software).where(eq(software.id, id)).get()?.name ??
      '',

    /**
     * The only way in which a target's state changes: by an arrow of the table, its deployment's counters along with it.
     * @throws IllegalStep when the table has no such arrow
     */
    step(
      target: Pick<TargetRow, 'id' | 'deployment_id' | 'deployment_status'>,
      event: TargetEvent,
      change: TargetChange,
    ): TargetState {
      const to = nextTargetState(target.deployment_status, event)
      if (to === null)
        throw new IllegalStep(`${target.deployment_status} has no arrow for ${event}`)
      updateTarget(target.id, { ...change, deployment_status: to })
      if (to !== target.deployment_status)
        move(target.deployment_status, to).run(target.deployment_id)
      return to
    },
    change: (id: TargetId, change: TargetChange): void => updateTarget(id, change),
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
            inArray(deploymentTargets.deployment_status, ['pending', 'downloading', 'installing']),
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
    runningCount: (): number =>
      db
        .select({ n: count() })
        .from(deploymentTargets)
        .where(inArray(deploymentTargets.deployment_status, ['downloading', 'installing']))
        .get()?.n ?? 0,
    counts(id: DeploymentId): TargetCounts {
      const { pending, downloading, installing, completed, failed, skipped } = deploymentById.get({
        id,
      })!
      return { pending, downloading, installing, completed, failed, skipped }
    },
    views: (id: DeploymentId, targetIds: TargetId[] | null) =>
      db
        .select(viewColumns)
        .from(deploymentTargets)
        .innerJoin(devices, eq(devices.id, deploymentTargets.device_id))
        .innerJoin(software, eq(software.id, deploymentTargets.software_id))
        .leftJoin(installers, eq(installers.id, deploymentTargets.installer_id))
        .where(
          and(
            eq(deploymentTargets.deployment_id, id),
            targetIds === null
              ? undefined
              : sql`${deploymentTargets.id} in (select value from json_each(${JSON.stringify(targetIds)}))`,
          ),
        )
        .orderBy(deploymentTargets.id)
        .all(),

    // ---- attempts
    addAttempt: (
      row: Pick<AttemptRow, 'attempt_id' | 'target_id' | 'attempt' | 'created_at'>,
    ): void => {
      insertAttempt.run(row.attempt_id, row.target_id, row.attempt, row.created_at)
    },
    attempt: (id: AttemptId): AttemptRow | undefined => attemptById.get({ id }),
    endAttempt: (id: AttemptId, end: Partial<AttemptRow>): void => updateAttempt(id, end),
    /** The device whose open target this attempt is the live one of, or null. */
    deviceOfLiveAttempt(id: AttemptId): DeviceId | null {
      const row = db
        .select({
          device_id: deploymentTargets.device_id,
          state: deploymentTargets.deployment_status,
        })
        .from(deploymentTargets)
        .innerJoin(deploymentAttempts, eq(deploymentAttempts.target_id, deploymentTargets.id))
        .where(and(eq(deploymentAttempts.attempt_id, id), eq(deploymentTargets.attempt_id, id)))
        .get()
      return row && !isEnded(row.state) ? row.device_id : null
    },
  }
}
export type InstallerRow = typeof installers.$inferSelect
export type DeploymentsRepo = ReturnType<typeof createDeploymentsRepo>
