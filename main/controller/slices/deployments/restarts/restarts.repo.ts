/** Rows of the restarts that deployments require. The state is always read from the store, never kept in memory. */
import { and, eq, sql } from 'drizzle-orm'
import type { RestartCounts } from '#shared/contract/rest/restarts.ts'
import type { DeploymentId, DeviceId, RestartId, TargetId } from '#shared/domain/ids.ts'
import {
  nextRestartState,
  type RestartEvent,
  type RestartState,
} from '#shared/domain/restart-state.ts'
import { deviceRestarts } from '../../../store/schema/index.ts'
import { OPEN_RESTARTS, OPEN_TARGETS } from '../../../store/state-lists.ts'
import type { Store } from '../../../store/store.ts'

export type RestartRow = typeof deviceRestarts.$inferSelect
export type RestartChange = Partial<
  Omit<RestartRow, 'restart_id' | 'deployment_id' | 'device_id' | 'round' | 'state'>
>
export type UnclaimedTarget = {
  id: TargetId
  deployment_id: DeploymentId
  device_id: DeviceId
}
type UnderWay = Pick<RestartRow, 'device_id' | 'due_at_ms'> & { state: 'ordered' | 'announced' }
export type RestartsRepo = ReturnType<typeof createRestartsRepo>

export class IllegalRestartStep extends Error {}

const NO_COUNTS: RestartCounts = { owed: 0, announced: 0, done: 0, failed: 0, canceled: 0 }
const COUNTED_AS = {
  owed: 'owed',
  ordered: 'announced',
  announced: 'announced',
  done: 'done',
  failed: 'failed',
  given_up: 'failed',
  canceled: 'canceled',
} as const satisfies Record<RestartState, keyof RestartCounts>

export function createRestartsRepo({ db, sqlite, transaction }: Store) {
  // A target that needs a restart claims one; that restart completes it, and it asks for no other.
  const unclaimed = sqlite.prepare<[number], UnclaimedTarget>(
    // From the deployments that restart PCs, because targets of the others may stay unclaimed forever. Named indexes: SQLite
    // would prefer the longer one by state.
    `select t.id, t.deployment_id, t.device_id from deployments d indexed by deployments_restarting
       cross join deployment_targets t indexed by deployment_targets_reboot
      where d.reboot = 'if_needed' and d.canceling = 0 and d.restarts_canceled = 0 and d.status <> 'canceled'
        and t.deployment_id = d.id and t.reason = 'reboot_pending' and t.restart_id is null and t.deployment_status = 'completed'
      limit ?`,
  )
  const claim = sqlite.prepare<[string, number]>(
    'update deployment_targets set restart_id = ? where id = ?',
  )
  const claimedBy = sqlite
    .prepare<[string], TargetId>('select id from deployment_targets where restart_id = ?')
    .pluck()
  const lastOf = sqlite.prepare<
    [number, number],
    { round: number; state: RestartState; restart_id: RestartId }
  >(
    'select restart_id, round, state from device_restarts where deployment_id = ? and device_id = ? order by round desc limit 1',
  )
  const openTargetsOf = sqlite
    .prepare<[number, number], number>(
      `select 1 from deployment_targets where deployment_id = ? and device_id = ?
          and deployment_status in ${OPEN_TARGETS} limit 1`,
    )
    .pluck()
  // The first half of the condition is that of the partial index.
  const UNDER_WAY = `state in ${OPEN_RESTARTS} and state <> 'owed'`
  const orderedElsewhere = sqlite
    .prepare<[number, string], number>(
      `select 1 from device_restarts where ${UNDER_WAY} and device_id = ? and restart_id <> ? limit 1`,
    )
    .pluck()
  const underWay = sqlite.prepare<[], UnderWay>(
    `select device_id, state, due_at_ms from device_restarts where ${UNDER_WAY}`,
  )
  const counts = sqlite.prepare<[number], { state: RestartState; n: number }>(
    'select state, count(*) n from device_restarts where deployment_id = ? group by state',
  )
  const byId = db
    .select()
    .from(deviceRestarts)
    .where(eq(deviceRestarts.restart_id, sql.placeholder('id')))
    .prepare()
  const isOpen = sql`${deviceRestarts.state} in ${sql.raw(OPEN_RESTARTS)}`
  const openRows = db.select().from(deviceRestarts).where(isOpen).prepare()

  const write = (id: RestartId, change: Partial<RestartRow>): void => {
    db.update(deviceRestarts).set(change).where(eq(deviceRestarts.restart_id, id)).run()
  }

  return {
    transaction,
    byId: (id: RestartId): RestartRow | undefined => byId.get({ id }),
    open: (): RestartRow[] => openRows.all(),
    /** Restarts that are ordered or announced. Queried at every run of the engine. */
    underWay: (): UnderWay[] => underWay.all(),
    openOf: (id: DeploymentId): RestartRow[] =>
      db
        .select()
        .from(deviceRestarts)
        .where(and(eq(deviceRestarts.deployment_id, id), isOpen))
        .all(),
    /** Targets that need a restart and have none assigned yet. */
    unclaimed: (limit: number): UnclaimedTarget[] => unclaimed.all(limit),
    /** The last restart of this device for this deployment. */
    lastOf: (deploymentId: DeploymentId, deviceId: DeviceId) => lastOf.get(deploymentId, deviceId),
    insert: (row: typeof deviceRestarts.$inferInsert): void => {
      db.insert(deviceRestarts).values(row).run()
    },
    claim: (targetId: TargetId, id: RestartId): void => {
      claim.run(id, targetId)
    },
    /** Targets that this restart completes. */
    targetsOf: (id: RestartId): TargetId[] => claimedBy.all(id),
    hasOpenTargets: (deploymentId: DeploymentId, deviceId: DeviceId): boolean =>
      openTargetsOf.get(deploymentId, deviceId) !== undefined,
    /** Whether another restart of this device is ordered or announced. */
    isOrderedElsewhere: (deviceId: DeviceId, id: RestartId): boolean =>
      orderedElsewhere.get(deviceId, id) !== undefined,
    /**
     * The only way to change a restart's state.
     * @throws IllegalRestartStep when the table has no such transition
     */
    step(
      row: Pick<RestartRow, 'restart_id' | 'state'>,
      event: RestartEvent,
      change: RestartChange,
    ): RestartState {
      const state = nextRestartState(row.state, event)
      if (state === null) throw new IllegalRestartStep(`${row.state} has no arrow for ${event}`)
      write(row.restart_id, { ...change, state })
      return state
    },
    change: (id: RestartId, change: RestartChange): void => write(id, change),
    counts(id: DeploymentId): RestartCounts {
      const sums = { ...NO_COUNTS }
      for (const { state, n } of counts.all(id)) sums[COUNTED_AS[state]] += n
      return sums
    },
  }
}
