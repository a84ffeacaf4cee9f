/** The open targets of one deployment, in memory. */
import type { DeviceId, InstallerId, SoftwareId, TargetId } from '#shared/domain/ids.ts'
import { isEnded } from '#shared/domain/target-state.ts'
import { createPlanner, inOrder, type Planner, type PlanTarget } from '../core/plan.ts'
import type { OpenTargetRow } from '../tables/deployments.repo.ts'
import type { InstallerState } from './installer-states.ts'

export type OpenTarget = PlanTarget & {
  row: Pick<OpenTargetRow, 'id' | 'deployment_id' | 'device_id' | 'installer_id' | 'software_id'>
  attempt: number
  attemptId: OpenTargetRow['attempt_id']
}
type Needs = ReadonlyMap<SoftwareId, { id: SoftwareId; name: string }[]>
export type Mirror = {
  targets: Map<TargetId, OpenTarget>
  /** The same by device, packages in their order. */
  byDevice: Map<DeviceId, OpenTarget[]>
  /** What was planned for them. */
  planner: Planner
  /** As of the last plan. */
  installers: Map<InstallerId, InstallerState>
  /** Only where software of this deployment depends on other software in it: the state of each target, ended ones included. */
  outcomes: Map<string, OpenTargetRow> | null
  needs: Needs
  /** How many targets each device works for. Devices that work for none are missing. */
  atWork: Map<DeviceId, number>
  readAtMs: number
}

/** Remembers the last result. */
function remembering<K, V>(read: (key: K) => V): (key: K) => V {
  let last: { key: K; value: V } | null = null
  return (key) => {
    if (last?.key !== key) last = { key, value: read(key) }
    return last.value
  }
}

const place = (device: DeviceId, software: SoftwareId) => `${device}/${software}`

export const createMirror = (needs: Needs, readAtMs: number): Mirror => ({
  targets: new Map(),
  byDevice: new Map(),
  planner: createPlanner(),
  installers: new Map(),
  outcomes: needs.size > 0 ? new Map() : null,
  needs,
  atWork: new Map(),
  readAtMs,
})

/** Puts `fresh` in the place of `known`; the next plan looks at their device. */
export function exchange(
  { targets, byDevice, planner }: Mirror,
  known: OpenTarget | undefined,
  fresh: OpenTarget | null,
): void {
  if (known) {
    const rest = byDevice.get(known.deviceId)?.filter(({ id }) => id !== known.id) ?? []
    if (rest.length > 0) byDevice.set(known.deviceId, rest)
    else byDevice.delete(known.deviceId)
    planner.touch(known.deviceId)
  }
  if (!fresh) {
    if (known) targets.delete(known.id)
    return
  }
  targets.set(fresh.id, fresh)
  const list = byDevice.get(fresh.deviceId)
  if (list) list.push(fresh)
  else byDevice.set(fresh.deviceId, [fresh])
  list?.sort(inOrder)
  planner.touch(fresh.deviceId)
}

export const noteOutcome = ({ outcomes }: Mirror, row: OpenTargetRow): void =>
  void outcomes?.set(place(row.device_id, row.software_id), row)

/** The target's dependencies in this deployment: those still open, or the first that was not installed on its device. */
export function dependencies(
  { needs, outcomes }: Mirror,
  target: OpenTarget,
): Pick<PlanTarget, 'needs' | 'missingDependency'> {
  const open: { id: TargetId; name: string }[] = []
  for (const need of needs.get(target.row.software_id) ?? []) {
    const outcome = outcomes?.get(place(target.deviceId, need.id))
    if (!outcome) continue
    if (!isEnded(outcome.state)) open.push({ id: outcome.id, name: need.name })
    else if (
      outcome.state === 'failed' ||
      (outcome.state === 'skipped' && outcome.reason !== 'already_installed')
    )
      return { missingDependency: need.name, needs: [] }
  }
  return { missingDependency: null, needs: open }
}

/** Thousands of targets in a row were created or changed at the same time. */
const epochMs = remembering((iso: string) => Date.parse(iso))

/** @param known the same target before the change, if it was open */
export const toOpenTarget = (row: OpenTargetRow, known: OpenTarget | undefined): OpenTarget => ({
  row,
  id: row.id,
  deviceId: row.device_id,
  position: row.position,
  wave: row.wave,
  state: row.state as OpenTarget['state'],
  reason: row.reason,
  sinceMs: epochMs(row.since),
  attempt: row.attempt,
  attemptId: row.attempt_id,
  offeredAtMs: row.offered_at_ms,
  offeredBefore: row.attempt_id !== null,
  notBeforeMs: row.not_before_ms,
  deadlineMs: row.deadline_ms,
  held:
    row.held_by === null || row.held_since_ms === null
      ? null
      : { by: row.held_by, sinceMs: row.held_since_ms },
  cancelSentAtMs: known?.attemptId === row.attempt_id ? (known?.cancelSentAtMs ?? null) : null,
  installer: known?.installer ?? { state: 'none' },
  missingDependency: null,
  needs: [],
})
