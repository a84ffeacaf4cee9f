/** Rows of targets. The hot paths use prepared statements of their own; see statements.ts for why. */
import { and, eq, inArray, sql } from 'drizzle-orm'
import type { DeploymentId, DeviceId, InstallerId, TargetId } from '#shared/domain/ids.ts'
import type { TargetReason } from '#shared/domain/reasons.ts'
import { OPEN_TARGET_STATES } from '#shared/domain/target-state.ts'
import { deploymentTargets } from '../../../store/schema/index.ts'
import { ACTIVE_DEPLOYMENTS, OPEN_TARGETS } from '../../../store/state-lists.ts'
import { createUpdater } from '../../../store/statements.ts'
import type { Store } from '../../../store/store.ts'
import { mergeTargetWrites, type StepTarget, type TargetWrite } from '../core/writes.ts'
import type { Counters } from './counters.repo.ts'
import type { NewTarget, OpenTargetRow, ReportedTarget, TargetChange, TargetRow } from './rows.ts'

/** Finds open targets through the few active deployments, so old deployments' targets are never scanned. */
const ACTIVE_SQL = `select id from deployments where status in ${ACTIVE_DEPLOYMENTS}`
const ENGINE_COLUMNS = `id, deployment_id, device_id, software_id, installer_id, position, wave, deployment_status state, reason, since,
  attempt, attempt_id, offered_at_ms, not_before_ms, deadline_ms, held_by, held_since_ms`

export function createTargetsRepo({ db, sqlite }: Store, counters: Counters) {
  // Plain ids instead of objects: parsing JSON five times per row would cost as much as writing it.
  const insertTargets = sqlite.prepare(
    `insert into deployment_targets (deployment_id, device_id, software_id, installer_id, position, wave, deployment_status, attempt, since)
     select ?, value, ?, ?, ?, ?, 'pending', 1, ? from json_each(?)`,
  )
  const openOf = sqlite.prepare<[number], OpenTargetRow>(
    `select ${ENGINE_COLUMNS} from deployment_targets where deployment_id = ? and deployment_status in ${OPEN_TARGETS} order by id`,
  )
  const allOf = sqlite.prepare<[number], OpenTargetRow>(
    `select ${ENGINE_COLUMNS} from deployment_targets where deployment_id = ? order by id`,
  )
  const someOf = sqlite.prepare<[string], OpenTargetRow>(
    `select ${ENGINE_COLUMNS} from deployment_targets where id in (select value from json_each(?))`,
  )
  const targetById = db
    .select()
    .from(deploymentTargets)
    .where(eq(deploymentTargets.id, sql.placeholder('id')))
    .prepare()
  const openOfDevice = db
    .select()
    .from(deploymentTargets)
    .where(
      and(
        eq(deploymentTargets.device_id, sql.placeholder('id')),
        inArray(deploymentTargets.deployment_status, OPEN_TARGET_STATES),
      ),
    )
    .prepare()
  const reportedTarget = sqlite.prepare<[number], ReportedTarget>(
    `select id, deployment_id, device_id, installer_id, deployment_status, reason, attempt_id live_attempt_id, attempt live_attempt,
            started_at, retry_until_ms, held_since_ms from deployment_targets where id = ?`,
  )
  const updateTarget = createUpdater<TargetRow>(sqlite, 'deployment_targets', 'id')
  const waitReason = sqlite.prepare<[string | null, string]>(
    'update deployment_targets set reason = ? where id in (select value from json_each(?))',
  )
  const waitingFor = sqlite
    .prepare<[string]>(
      `select distinct t.deployment_id from json_each(?) d cross join deployment_targets t
       where t.device_id = d.value and t.deployment_status in ${OPEN_TARGETS}`,
    )
    .pluck()
  const moveTargets = sqlite.prepare<[number, number, number], { deployment_id: DeploymentId }>(
    `update deployment_targets set device_id = ? where device_id = ? and not exists (
       select 1 from deployment_targets o where o.device_id = ?
       and o.deployment_id = deployment_targets.deployment_id and o.software_id = deployment_targets.software_id)
     returning deployment_id`,
  )
  const extendOfferDeadlines = sqlite.prepare<
    [number, number],
    Pick<StepTarget, 'id' | 'deployment_id'>
  >(
    `update deployment_targets set deadline_ms = ? where deployment_id = ? and deployment_status = 'pending' and deadline_ms is not null
     returning id, deployment_id`,
  )

  const forgetOffers = sqlite.prepare(
    `update deployment_targets set offered_at_ms = null where deployment_id in (${ACTIVE_SQL})
     and deployment_status in ${OPEN_TARGETS} and offered_at_ms is not null`,
  )
  const usingInstaller = sqlite
    .prepare<[number], DeploymentId>(
      `select id from deployments d where d.status in ${ACTIVE_DEPLOYMENTS} and exists (
         select 1 from deployment_targets t
         where t.deployment_id = d.id and t.deployment_status = 'pending' and t.installer_id = ?)`,
    )
    .pluck()

  /** Targets that changed since the engine last asked, for the deployments it asks about. */
  const changed = new Map<DeploymentId, Set<TargetId>>()
  const note = (target: Pick<StepTarget, 'id' | 'deployment_id'>): void => {
    changed.get(target.deployment_id)?.add(target.id)
  }

  return {
    /** One statement for all targets that differ only in their device. */
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
    /** Only for a deployment that has not started: none of its targets was ever sent. */
    removeTargets: (id: DeploymentId): void => {
      db.delete(deploymentTargets).where(eq(deploymentTargets.deployment_id, id)).run()
    },
    /** @returns the deployments in which a target moved */
    moveTargets: (from: DeviceId, to: DeviceId): DeploymentId[] => [
      ...new Set(moveTargets.all(to, from, to).map((row) => row.deployment_id)),
    ],
    target: (id: TargetId): TargetRow | undefined => targetById.get({ id }),
    /** For judging reports. Look-ups by key: one statement over a list takes five times as long. */
    reportedTargets: (ids: Iterable<TargetId>): ReportedTarget[] =>
      [...ids].flatMap((id) => reportedTarget.get(id) ?? []),

    // ---- for the engine
    openTargets: (id: DeploymentId): OpenTargetRow[] => openOf.all(id),
    allTargets: (id: DeploymentId): OpenTargetRow[] => allOf.all(id),
    targetsById: (ids: ReadonlySet<TargetId>): OpenTargetRow[] =>
      ids.size === 0 ? [] : someOf.all(JSON.stringify([...ids])),
    /** Ids of the targets that changed since the last call. Tracking begins with the first call. */
    takeChanged(id: DeploymentId): ReadonlySet<TargetId> {
      const ids = changed.get(id)
      changed.set(id, new Set())
      return ids ?? new Set()
    },
    forgetChanged: (id: DeploymentId): void => {
      changed.delete(id)
    },

    /**
     * The only way to change a target's state: along transitions of the state table, with the deployment's counters.
     * Several writes to one target become one update.
     * @throws IllegalStep when the table has no such transition
     */
    writeTargets(writes: readonly TargetWrite[]): void {
      for (const write of mergeTargetWrites(writes)) {
        const { id, deployment_id, state, moves, change } = write
        updateTarget(id, moves.length > 0 ? { ...change, deployment_status: state } : change)
        for (const [from, to] of moves) counters.move(deployment_id, from, to)
        note(write)
      }
    },
    changeTarget: (
      target: Pick<StepTarget, 'id' | 'deployment_id'>,
      change: TargetChange,
    ): void => {
      updateTarget(target.id, change)
      note(target)
    },
    /** Sets why these stay pending, in one statement. */
    setWaitReason: (
      deploymentId: DeploymentId,
      ids: TargetId[],
      reason: TargetReason | null,
    ): void => {
      waitReason.run(reason, JSON.stringify(ids))
      for (const id of ids) note({ id, deployment_id: deploymentId })
    },
    /** Extends the agents' time to answer: time in which nothing could start does not count. */
    extendOfferDeadlines: (id: DeploymentId, untilMs: number): void => {
      extendOfferDeadlines.all(untilMs, id).forEach(note)
    },
    /** After a restart of the controller, no answer to an earlier offer can arrive. */
    forgetOffers: (): void => {
      forgetOffers.run()
    },
    openTargetsOfDevice: (deviceId: DeviceId): TargetRow[] => openOfDevice.all({ id: deviceId }),
    /** Deployments with open targets on any of these devices. */
    deploymentsWaitingFor: (deviceIds: DeviceId[]): DeploymentId[] =>
      waitingFor.all(JSON.stringify(deviceIds)) as DeploymentId[],
    deploymentsUsingInstaller: (installerId: InstallerId): DeploymentId[] =>
      usingInstaller.all(installerId),
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
  }
}
