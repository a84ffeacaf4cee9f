/**
 * The open targets of active deployments, kept in memory, so that a run of the engine over thousands of them reads only the
 * rows that changed. The database stays authoritative: the repository reports which rows changed, and everything is read
 * again from time to time, so that no error can last.
 */
import type {
  DeploymentId,
  DeviceId,
  InstallerId,
  SoftwareId,
  TargetId,
} from '#shared/domain/ids.ts'
import { isEnded } from '#shared/domain/target-state.ts'
import type { Now } from '../../../base/context.ts'
import type { FileFault } from '../../content/index.ts'
import type { DeploymentsRepo, InstallerRow, OpenTargetRow } from '../tables/deployments.repo.ts'
import { coded } from '#shared/domain/coded-texts/codes.ts'
import type { PlanInstaller, PlanTarget } from '../core/plan.ts'

const REREAD_MS = 60_000

export type OpenTarget = PlanTarget & {
  row: Pick<OpenTargetRow, 'id' | 'deployment_id' | 'device_id' | 'installer_id' | 'software_id'>
  attempt: number
  attemptId: OpenTargetRow['attempt_id']
}
type Mirror = {
  targets: Map<TargetId, OpenTarget>
  /** Only where software of this deployment depends on other software in it: the state of each target, ended ones included. */
  outcomes: Map<string, OpenTargetRow> | null
  needs: Map<SoftwareId, { id: SoftwareId; name: string }[]>
  /** How many targets each device works for. Devices that work for none are missing. */
  atWork: Map<DeviceId, number>
  readAtMs: number
}
/** What it reads. */
export type OpenTargetReads = Pick<
  DeploymentsRepo,
  | 'activeIds'
  | 'byId'
  | 'installer'
  | 'needsWithin'
  | 'allTargets'
  | 'openTargets'
  | 'targetsById'
  | 'takeChanged'
  | 'forgetChanged'
>
export type OpenTargets = ReturnType<typeof createOpenTargets>

const isAtWork = ({ state, offeredAtMs }: OpenTarget): boolean =>
  state !== 'pending' || offeredAtMs !== null
const place = (device: DeviceId, software: SoftwareId) => `${device}/${software}`

function installerState(installer: ReturnType<DeploymentsRepo['installer']>): PlanInstaller {
  switch (installer?.fetch_state) {
    case undefined:
      return { state: 'none' }
    case 'none':
    case 'ready':
    case 'by_agents':
      return { state: 'ready' }
    case 'fetching':
      return { state: 'fetching' }
    case 'failed':
      return {
        state: 'failed',
        reason: installer?.fetch_reason ?? 'download_failed',
        text:
          installer?.fetch_message == null
            ? coded('package_not_fetched', {})
            : coded('package_not_fetched_because', { problem: installer.fetch_message }),
      }
  }
}

const FILE_FAULTS: Record<FileFault, PlanInstaller> = {
  missing: { state: 'failed', reason: 'download_failed', text: coded('file_missing', {}) },
  damaged: { state: 'failed', reason: 'integrity', text: coded('file_damaged', {}) },
}

const SECRETS_LOST_STATE: PlanInstaller = {
  state: 'failed',
  reason: 'internal',
  text: coded('secrets_lost', {}),
}

export function createOpenTargets(deps: {
  repo: OpenTargetReads
  now: Now
  /** Why this installer's file cannot be sent. */
  fileFault: (installer: InstallerRow) => FileFault | null
  /** Whether secrets in its arguments cannot be decrypted. */
  areSecretsLost: (installer: InstallerRow) => boolean
}) {
  const { repo, now } = deps
  const mirrors = new Map<DeploymentId, Mirror>()
  /** The sum of all mirrors, so that a run need not look at the targets of other deployments. */
  const atWork: Mirror['atWork'] = new Map()

  function count(counts: Mirror['atWork'], id: DeviceId, by: number): void {
    const n = (counts.get(id) ?? 0) + by
    if (n === 0) counts.delete(id)
    else counts.set(id, n)
  }
  function replace(mirror: Mirror, id: TargetId, fresh: OpenTarget | null): void {
    const known = mirror.targets.get(id)
    for (const counts of [mirror.atWork, atWork]) {
      if (known && isAtWork(known)) count(counts, known.deviceId, -1)
      if (fresh && isAtWork(fresh)) count(counts, fresh.deviceId, 1)
    }
    if (fresh) mirror.targets.set(id, fresh)
    else mirror.targets.delete(id)
  }
  function drop(id: DeploymentId): void {
    for (const [device, n] of mirrors.get(id)?.atWork ?? []) count(atWork, device, -n)
    mirrors.delete(id)
  }

  function take(mirror: Mirror, row: OpenTargetRow): void {
    mirror.outcomes?.set(place(row.device_id, row.software_id), row)
    const known = mirror.targets.get(row.id)
    if (isEnded(row.state)) return replace(mirror, row.id, null)
    replace(mirror, row.id, {
      row,
      id: row.id,
      deviceId: row.device_id,
      position: row.position,
      wave: row.wave,
      state: row.state as OpenTarget['state'],
      reason: row.reason,
      sinceMs: Date.parse(row.since),
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
  }

  function read(id: DeploymentId): Mirror {
    const needs = repo.needsWithin(id)
    const mirror: Mirror = {
      targets: new Map(),
      outcomes: needs.size > 0 ? new Map() : null,
      needs,
      atWork: new Map(),
      readAtMs: now(),
    }
    const rows = mirror.outcomes ? repo.allTargets(id) : repo.openTargets(id)
    const before = mirrors.get(id)
    drop(id)
    for (const row of rows) {
      take(mirror, row)
      const [fresh, old] = [mirror.targets.get(row.id), before?.targets.get(row.id)]
      if (fresh && old?.attemptId === fresh.attemptId) fresh.cancelSentAtMs = old.cancelSentAtMs
    }
    mirrors.set(id, mirror)
    return mirror
  }

  /** The target's dependencies in this deployment: those still open, or the first that was not installed on its device. */
  function dependencies(
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

  /** The state of an installer for the open targets of this deployment. */
  function stateOf(id: InstallerId, deployment: DeploymentId) {
    const row = repo.installer(id)
    const state = installerState(row)
    // Removing needs no file.
    const isSent =
      row !== undefined && state.state === 'ready' && repo.byId(deployment)?.action === 'install'
    if (row !== undefined && state.state === 'ready' && deps.areSecretsLost(row))
      return { state: SECRETS_LOST_STATE, fault: null }
    return { state, fault: isSent ? deps.fileFault(row) : null }
  }

  /** The mirror with the changes since the last call; or read again, if there is none or it `isOld`. */
  function current(id: DeploymentId, isOld: (mirror: Mirror) => boolean): Mirror {
    const known = mirrors.get(id)
    const changed = repo.takeChanged(id)
    try {
      if (!known || isOld(known)) return read(id)
      for (const row of repo.targetsById(changed)) take(known, row)
      return known
    } catch (error) {
      // The repository will not report these changes again.
      drop(id)
      throw error
    }
  }
  function forget(id: DeploymentId): void {
    drop(id)
    repo.forgetChanged(id)
  }
  /** Brings `atWork` up to date: reads only rows that changed. */
  function catchUp(): void {
    const active = new Set(repo.activeIds())
    for (const id of mirrors.keys()) if (!active.has(id)) forget(id)
    for (const id of active) current(id, () => false)
  }

  return {
    /** All open targets of a deployment by id, in their current state. */
    of(id: DeploymentId): ReadonlyMap<TargetId, OpenTarget> {
      const mirror = current(id, ({ readAtMs }) => Math.abs(now() - readAtMs) >= REREAD_MS)
      const installers = new Map<InstallerId | null, ReturnType<typeof stateOf>>([
        [null, { state: { state: 'none' }, fault: null }],
      ])
      for (const target of mirror.targets.values()) {
        const { installer_id } = target.row
        let installer = installers.get(installer_id)
        if (!installer) {
          installer = stateOf(installer_id!, id)
          installers.set(installer_id, installer)
        }
        // An agent that may be working on it may already have the file; it reports when it reconnects.
        const mayBeHeld = target.attemptId !== null && target.deadlineMs !== null
        target.installer =
          installer.fault && !mayBeHeld ? FILE_FAULTS[installer.fault] : installer.state
        if (mirror.outcomes) Object.assign(target, dependencies(mirror, target))
      }
      return mirror.targets
    },
    /** Devices that work for any active deployment. */
    workingDevices(this: void): ReadonlySet<DeviceId> {
      catchUp()
      return new Set(atWork.keys())
    },
    /** Whether a device works for an active deployment other than this one. */
    workingElsewhere(id: DeploymentId): (device: DeviceId) => boolean {
      catchUp()
      const own = mirrors.get(id)?.atWork
      return (device) => (atWork.get(device) ?? 0) > (own?.get(device) ?? 0)
    },
    /** The agent may not have received the cancel. */
    cancelLost(
      this: void,
      { deployment_id, id }: Pick<OpenTargetRow, 'id' | 'deployment_id'>,
    ): void {
      const target = mirrors.get(deployment_id)?.targets.get(id)
      if (target) target.cancelSentAtMs = null
    },
    /** Call it when rows were changed without the repository: everything is read again. */
    forgetAll(): void {
      mirrors.clear()
      atWork.clear()
    },
    /** Drops the targets of a deployment, because it has ended or they were replaced. */
    forget,
  }
}
