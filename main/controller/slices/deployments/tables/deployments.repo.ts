/** Rows of deployments and of the packages in them. Targets and attempts have their own repositories. */
import { and, desc, eq, inArray, isNull, or, sql } from 'drizzle-orm'
import {
  ACTIVE_DEPLOYMENT_STATES,
  NO_TARGETS,
  targetCounts,
  type DeploymentState,
  type TargetCounts,
} from '#shared/domain/deployment-state.ts'
import { RUNNING_TARGET_STATES } from '#shared/domain/target-state.ts'
import type { Role } from '#shared/contract/rest/users.ts'
import type {
  DeploymentId,
  DeviceId,
  GroupId,
  InstallerId,
  SoftwareId,
  UserId,
} from '#shared/domain/ids.ts'
import {
  deployments,
  deploymentTargets,
  installers,
  software,
  users,
} from '../../../store/schema/index.ts'
import { ACTIVE_DEPLOYMENTS, OPEN_TARGETS } from '../../../store/state-lists.ts'
import type { Store } from '../../../store/store.ts'
import { createAttemptsRepo } from './attempts.repo.ts'
import { createCounters } from './counters.repo.ts'
import { createListRepo, type ListFilter, type ListPage } from './list.repo.ts'
import { createTargetViewsRepo } from './target-views.repo.ts'
import type { DeploymentChange, DeploymentRow, InstallerRow, NewTarget } from './rows.ts'
import { deploymentStateAfter, type DeploymentWrite, type Writes } from '../core/writes.ts'
import { createTargetsRepo } from './targets.repo.ts'

export type * from './rows.ts'
export type * from './target-views.repo.ts'
export type DeploymentsRepo = ReturnType<typeof createDeploymentsRepo>

const ACTIVE_STATES: readonly DeploymentState[] = ACTIVE_DEPLOYMENT_STATES
type Ended = Record<'completed' | 'failed' | 'skipped', number>

/** SQL: whether a deployment that starts later names this id. */
const chose = (
  what: 'device_ids' | 'group_ids' | 'software_ids',
  id: DeviceId | GroupId | SoftwareId,
) =>
  sql`exists (select 1 from json_each(${deployments.chosen}, ${`$.${what}`}) c where c.value = ${id})`

export function createDeploymentsRepo(store: Store) {
  const { db } = store
  const counters = createCounters(store)
  const targets = createTargetsRepo(store, counters)
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
  const softwareOf = db
    .selectDistinct({ id: software.id, name: software.name, depends_on: software.depends_on })
    .from(deploymentTargets)
    .innerJoin(software, eq(software.id, deploymentTargets.software_id))
    .where(eq(deploymentTargets.deployment_id, sql.placeholder('id')))
    .prepare()
  const ownerOf = store.sqlite
    .prepare<[number], UserId | null>('select created_by from deployments where id = ?')
    .pluck()
  const active = store.sqlite
    .prepare<[], DeploymentId>(
      `select id from deployments where status in ${ACTIVE_DEPLOYMENTS} order by id`,
    )
    .pluck()

  const transfer = store.sqlite.prepare<{
    from: UserId
    to: UserId | null
    name: string
    limit: number
  }>(
    `update deployments set created_by = @to, created_by_name = coalesce(created_by_name, @name) where id in (
       select id from deployments where created_by = @from order by id desc limit @limit)`,
  )

  const list = createListRepo(store)
  const ENDED = ['completed', 'failed', 'skipped']
    .map((state) => `coalesce(sum(t.deployment_status = '${state}'), 0) ${state}`)
    .join()
  const endedSince = store.sqlite.prepare<[string], Ended>(
    `select ${ENDED} from deployment_targets t where t.completed_at >= ?`,
  )
  const endedSinceOf = store.sqlite.prepare<[string, number], Ended>(
    `select ${ENDED} from deployment_targets t cross join deployments d on d.id = t.deployment_id
     where t.completed_at >= ? and d.created_by = ?`,
  )
  const attempts = createAttemptsRepo(store)
  const update = (id: DeploymentId, change: Partial<DeploymentRow>): void => {
    if (Object.keys(change).length > 0)
      db.update(deployments).set(change).where(eq(deployments.id, id)).run()
  }
  /** The only way to change a deployment's state: along a transition of the state table. @throws IllegalStep */
  function writeDeployment({ id, from, event, change }: DeploymentWrite): void {
    update(id, event === null ? change : { ...change, status: deploymentStateAfter(from, event) })
  }

  return {
    transaction: counters.transaction,
    ...targets,
    ...createTargetViewsRepo(store),
    ...attempts,
    writeDeployment,
    /** What a decision wants written, inside the transaction in which its basis was read. @throws IllegalStep */
    write(writes: Writes): void {
      targets.writeTargets(writes.targets)
      attempts.endAttempts(writes.attempts)
      writes.deployments.forEach(writeDeployment)
    },
    insert(row: typeof deployments.$inferInsert, list: NewTarget[]): DeploymentRow {
      const made = db
        .insert(deployments)
        .values({ ...row, pending: list.length })
        .returning()
        .get()
      targets.insertTargets(made.id, row.created_at, list)
      return made
    },
    /** Replaces the targets of a deployment that has not started. */
    replaceTargets(
      id: DeploymentId,
      sinceIso: string,
      list: NewTarget[],
      change: Pick<DeploymentRow, 'device_count' | 'wave_count'>,
    ): void {
      targets.removeTargets(id)
      targets.insertTargets(id, sinceIso, list)
      db.update(deployments)
        .set({ ...change, ...NO_TARGETS, pending: list.length })
        .where(eq(deployments.id, id))
        .run()
    },
    /**
     * Moves the targets of one device to another, unless that one already has the same target. Deployments that wait for their
     * start and name the first device now name the other one.
     * @returns the deployments that changed
     */
    moveTargets(from: DeviceId, to: DeviceId): DeploymentId[] {
      const ids = targets.moveTargets(from, to)
      const waiting = db
        .select()
        .from(deployments)
        .where(and(eq(deployments.status, 'pending'), chose('device_ids', from)))
        .all()
      for (const { id, chosen } of waiting)
        if (chosen) {
          const device_ids = [...new Set(chosen.device_ids.map((d) => (d === from ? to : d)))]
          db.update(deployments)
            .set({ chosen: { ...chosen, device_ids } })
            .where(eq(deployments.id, id))
            .run()
        }
      return [...new Set([...ids, ...waiting.map(({ id }) => id)])]
    },
    pendingWithGroup: (group: GroupId): DeploymentRow[] =>
      db
        .select()
        .from(deployments)
        .where(and(eq(deployments.status, 'pending'), chose('group_ids', group)))
        .all(),
    /** Deployments that have not ended and still need this software: a target of it is open, or they start later. */
    activeWithSoftware: (id: SoftwareId): DeploymentRow[] =>
      db
        .select()
        .from(deployments)
        .where(
          and(
            inArray(deployments.status, ACTIVE_DEPLOYMENT_STATES),
            or(
              and(eq(deployments.status, 'pending'), chose('software_ids', id)),
              sql`exists (select 1 from deployment_targets t where t.deployment_id = ${deployments.id} and t.software_id = ${id}
                and t.deployment_status in ${sql.raw(OPEN_TARGETS)})`,
            ),
          ),
        )
        .all(),
    /** Null: there is no such user, or the account was removed. */
    roleOf: (id: UserId): Role | null =>
      db
        .select({ role: users.role })
        .from(users)
        .where(and(eq(users.id, id), isNull(users.removed_at)))
        .get()?.role ?? null,
    byId: (id: DeploymentId): DeploymentRow | undefined => deploymentById.get({ id }),
    /** Undefined: there is no such deployment. */
    ownerOf: (id: DeploymentId): UserId | null | undefined => ownerOf.get(id),
    changeDeployment: (id: DeploymentId, change: DeploymentChange): void => update(id, change),
    /** Not ended, oldest first. */
    activeIds: (): DeploymentId[] => active.all(),
    /** The account's current name; for a removed account the name it had. */
    creatorName: ({
      created_by: id,
      created_by_name,
    }: Pick<DeploymentRow, 'created_by' | 'created_by_name'>): string | null =>
      created_by_name !== null || id === null
        ? created_by_name
        : (db.select({ name: users.username }).from(users).where(eq(users.id, id)).get()?.name ??
          null),
    page(filter: ListFilter, page: ListPage) {
      const { ids, ...counted } = list.pageIds(filter, page)
      return {
        rows: db
          .select({ deployment: deployments, creator: users.username })
          .from(deployments)
          .leftJoin(users, eq(users.id, deployments.created_by))
          .where(sql`${deployments.id} in (select value from json_each(${JSON.stringify(ids)}))`)
          .orderBy(desc(deployments.id))
          .all(),
        ...counted,
      }
    },
    statusCounts: list.statusCounts,
    /** Makes the names of the next deployments searchable. @returns how many */
    index: list.index,
    /** Targets that ended since then, by state. */
    endedSince: (sinceIso: string, ownerId: UserId | null): Ended =>
      ownerId === null ? endedSince.get(sinceIso)! : endedSinceOf.get(sinceIso, ownerId)!,

    /** The installers that it deploys, in the order of installation. */
    packagesOf: (id: DeploymentId) =>
      db
        .selectDistinct({
          software_id: software.id,
          name: software.name,
          version: software.version,
          platform: installers.platform,
          arch: installers.arch,
          file_name: installers.file_name,
          sha256: sql<string | null>`coalesce(${installers.sha256}, ${installers.source_sha256})`,
          install_args: installers.install_args,
          source_url: installers.source_url,
        })
        .from(deploymentTargets)
        .innerJoin(software, eq(software.id, deploymentTargets.software_id))
        .innerJoin(installers, eq(installers.id, deploymentTargets.installer_id))
        .where(eq(deploymentTargets.deployment_id, id))
        .orderBy(deploymentTargets.position, installers.id)
        .all(),
    idsOfDevice: (id: DeviceId): DeploymentId[] =>
      db
        .selectDistinct({ id: deploymentTargets.deployment_id })
        .from(deploymentTargets)
        .where(eq(deploymentTargets.device_id, id))
        .all()
        .map((row) => row.id),
    countOf(owner: UserId): { all: number; active: number } {
      const sum = { all: 0, active: 0 }
      for (const { status, n } of list.statusCounts(owner)) {
        sum.all += n
        if (ACTIVE_STATES.includes(status)) sum.active += n
      }
      return sum
    },
    /** Some of the deployments of a user, newest first. @returns how many moved */
    transfer: (from: UserId, to: UserId | null, name: string, limit: number): number =>
      transfer.run({ from, to, name, limit }).changes,

    installer: (id: InstallerId): InstallerRow | undefined => installerById.get({ id }),
    softwareName: (id: SoftwareId): string =>
      db.select({ name: software.name }).from(software).where(eq(software.id, id)).get()?.name ??
      '',
    /** Dependencies between the software of this deployment. */
    needsWithin(id: DeploymentId): Map<SoftwareId, { id: SoftwareId; name: string }[]> {
      // Removing has no dependencies.
      if (deploymentById.get({ id })?.action !== 'install') return new Map()
      const rows = softwareOf.all({ id })
      const names = new Map(rows.map((row) => [row.id, row.name]))
      return new Map(
        rows.flatMap((row) => {
          const needs = row.depends_on.flatMap((needed) =>
            names.has(needed) ? [{ id: needed, name: names.get(needed)! }] : [],
          )
          return needs.length > 0 ? [[row.id, needs]] : []
        }),
      )
    },
    /** Targets per state, including changes of the current transaction. */
    counts(id: DeploymentId): TargetCounts {
      const row = deploymentById.get({ id })!
      return targetCounts((state) => row[state] + counters.onTheWay(id, state))
    },
    /** Running targets of all deployments. */
    runningCount: (): number =>
      db
        .select({
          n: sql<number>`coalesce(sum(${sql.raw(RUNNING_TARGET_STATES.join(' + '))}), 0)`,
        })
        .from(deployments)
        .where(inArray(deployments.status, ACTIVE_DEPLOYMENT_STATES))
        .get()?.n ?? 0,
  }
}
