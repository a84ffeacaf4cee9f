/**
 * The open targets of active deployments, kept in memory, so that a run of the engine over thousands of them reads only the
 * rows that changed, and plans only for the devices that changed. The database stays authoritative: the repository reports
 * which rows changed, and everything is read again from time to time, so that no error can last.
 */
import { isDeepStrictEqual } from 'node:util'
import type { DeploymentId, DeviceId, TargetId } from '#shared/domain/ids.ts'
import { isEnded } from '#shared/domain/target-state.ts'
import type { Now } from '../../../base/context.ts'
import type { FileFault } from '../../content/index.ts'
import type { DeploymentsRepo, InstallerRow, OpenTargetRow } from '../tables/deployments.repo.ts'
import { createInstallerStates, FILE_FAULTS, NO_INSTALLER } from './installer-states.ts'
import {
  createMirror,
  dependencies,
  exchange,
  noteOutcome,
  toOpenTarget,
  type Mirror,
  type OpenTarget,
} from './mirror.ts'

export type { OpenTarget } from './mirror.ts'

const REREAD_MS = 60_000

export type OpenTargetsOf = Pick<Mirror, 'targets' | 'byDevice' | 'planner'> & {
  /** Whether a device works for another active deployment. */
  isWorkingElsewhere: (device: DeviceId) => boolean
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

const isAtWork = (target: OpenTarget | null | undefined): target is OpenTarget =>
  target != null && (target.state !== 'pending' || target.offeredAtMs !== null)

export function createOpenTargets(deps: {
  repo: OpenTargetReads
  now: Now
  /** Why this installer's file cannot be sent. */
  fileFault: (installer: InstallerRow) => FileFault | null
  /** Whether secrets in its arguments cannot be decrypted. */
  areSecretsLost: (installer: InstallerRow) => boolean
}) {
  const { repo, now } = deps
  const stateOf = createInstallerStates(deps)
  const mirrors = new Map<DeploymentId, Mirror>()
  /** The sum of all mirrors, so that a run need not look at the targets of other deployments. */
  const atWork: Mirror['atWork'] = new Map()

  /** The next plans of these look at the device. */
  function touch(device: DeviceId, except: Mirror | null = null): void {
    for (const mirror of mirrors.values())
      if (mirror !== except && mirror.byDevice.has(device)) mirror.planner.touch(device)
  }
  function count(counts: Mirror['atWork'], id: DeviceId, by: number): void {
    const n = (counts.get(id) ?? 0) + by
    if (n === 0) counts.delete(id)
    else counts.set(id, n)
  }
  function work(mirror: Mirror, device: DeviceId, by: 1 | -1): void {
    for (const counts of [mirror.atWork, atWork]) count(counts, device, by)
    // Other deployments have to wait for it, or may have it now.
    touch(device, mirror)
  }
  function replace(mirror: Mirror, id: TargetId, fresh: OpenTarget | null): void {
    const known = mirror.targets.get(id)
    const stays = isAtWork(known) && isAtWork(fresh) && known.deviceId === fresh.deviceId
    if (isAtWork(known) && !stays) work(mirror, known.deviceId, -1)
    if (isAtWork(fresh) && !stays) work(mirror, fresh.deviceId, 1)
    exchange(mirror, known, fresh)
  }
  function drop(id: DeploymentId): void {
    const mirror = mirrors.get(id)
    mirrors.delete(id)
    for (const [device, n] of mirror?.atWork ?? []) {
      count(atWork, device, -n)
      touch(device)
    }
  }
  function take(mirror: Mirror, row: OpenTargetRow, known = mirror.targets.get(row.id)): void {
    noteOutcome(mirror, row)
    replace(mirror, row.id, isEnded(row.state) ? null : toOpenTarget(row, known))
  }
  function read(id: DeploymentId): Mirror {
    const mirror = createMirror(repo.needsWithin(id), now())
    const rows = mirror.outcomes ? repo.allTargets(id) : repo.openTargets(id)
    const before = mirrors.get(id)
    drop(id)
    for (const row of rows) take(mirror, row, before?.targets.get(row.id))
    mirrors.set(id, mirror)
    return mirror
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

  /** Judges the packages again. Few are in use, and their files can change at any moment. */
  function judgeInstallers(id: DeploymentId, { installers, planner }: Mirror): void {
    for (const [installer, before] of installers) {
      const after = stateOf(installer, id)
      if (isDeepStrictEqual(before, after)) continue
      installers.set(installer, after)
      planner.touchAll()
    }
  }
  /** Brings up to date what follows from other rows. */
  function derive(id: DeploymentId, mirror: Mirror, target: OpenTarget): void {
    const { installer_id } = target.row
    let installer = NO_INSTALLER
    if (installer_id !== null) {
      installer = mirror.installers.get(installer_id) ?? stateOf(installer_id, id)
      mirror.installers.set(installer_id, installer)
    }
    // An agent that may be working on it may already have the file; it reports when it reconnects.
    const mayBeHeld = target.attemptId !== null && target.deadlineMs !== null
    target.installer =
      installer.fault && !mayBeHeld ? FILE_FAULTS[installer.fault] : installer.state
    if (mirror.outcomes) Object.assign(target, dependencies(mirror, target))
  }

  return {
    /** The open targets of an active deployment, in their current state, and what was planned for them. */
    of(id: DeploymentId): OpenTargetsOf {
      catchUp()
      const mirror = current(id, ({ readAtMs }) => Math.abs(now() - readAtMs) >= REREAD_MS)
      judgeInstallers(id, mirror)
      const { targets, byDevice, planner } = mirror
      for (const device of planner.changed() ?? byDevice.keys())
        for (const target of byDevice.get(device) ?? []) derive(id, mirror, target)
      const isWorkingElsewhere = (device: DeviceId) =>
        (atWork.get(device) ?? 0) > (mirror.atWork.get(device) ?? 0)
      return { targets, byDevice, planner, isWorkingElsewhere }
    },
    /** Reads the targets of an active deployment, if they were not read yet. */
    read(id: DeploymentId): void {
      current(id, () => false)
    },
    /** The device has changed: the next plan of each deployment looks at it. */
    touch: (device: DeviceId): void => touch(device),
    touchAll: (): void => mirrors.forEach(({ planner }) => planner.touchAll()),
    /** Devices that work for any active deployment. */
    workingDevices(this: void): ReadonlySet<DeviceId> {
      catchUp()
      return new Set(atWork.keys())
    },
    /** The agent may not have received the cancel. */
    cancelLost(
      this: void,
      { deployment_id, id }: Pick<OpenTargetRow, 'id' | 'deployment_id'>,
    ): void {
      const mirror = mirrors.get(deployment_id)
      const target = mirror?.targets.get(id)
      if (!target) return
      target.cancelSentAtMs = null
      mirror?.planner.touch(target.deviceId)
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
