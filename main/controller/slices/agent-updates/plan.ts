/** Which agents get an update order, and when. Pure. */
import { isNewer } from '#shared/domain/agent-version.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import type { AgentOffer } from '../../base/agent-files.ts'
import type { UpdateRow } from './agent-updates.repo.ts'

/** Orders per device and version. */
export const TRIES_LIMIT = 3
/** Once a version has failed on this many devices, it is no longer ordered automatically. */
export const FAILURES_THAT_STOP = 3
/**
 * Rollout width: one until it is back; then a few until all of those are back; then a quarter of
 * the fleet.
 */
const FEW = 5
const SHARE = 0.25
const MANY = 50
/**
 * A PC that was switched off during its update blocks nobody: no update takes longer than this,
 * roll-back included.
 */
const AWAY_MS = 40 * 60_000

export type FleetDevice = {
  id: DeviceId
  /** The file for this device. */
  fileName: string
  version: string
  online: boolean
  /** It is idle and can be updated in its current installation. */
  free: boolean
}
export type Progress = {
  /** Devices that have this version by an order, that are updating to it, and that it failed on. */
  done: number
  underWay: number
  failed: number
}

export const isUnderWay = (row: Pick<UpdateRow, 'state'> | undefined): boolean =>
  row?.state === 'ordered' || row?.state === 'accepted'

export function progressOf(
  offer: AgentOffer,
  fleet: readonly FleetDevice[],
  rows: ReadonlyMap<DeviceId, UpdateRow>,
  nowMs: number,
): Progress {
  const progress: Progress = { done: 0, underWay: 0, failed: 0 }
  for (const { id, fileName, online } of fleet) {
    const row = rows.get(id)
    if (fileName !== offer.file_name || row?.version !== offer.version) continue
    if (row.state === 'done') progress.done++
    if (row.state === 'failed') progress.failed++
    if (isUnderWay(row) && (online || nowMs - row.changed_at_ms < AWAY_MS)) progress.underWay++
  }
  return progress
}

export const isStopped = ({ failed }: Progress): boolean => failed >= FAILURES_THAT_STOP

/** How many devices may be updating at the same time. */
export function widthOf({ done }: Progress, fleetSize: number): number {
  if (done === 0) return 1
  return done <= FEW ? FEW : Math.min(MANY, Math.max(FEW, Math.ceil(fleetSize * SHARE)))
}

const mayBeOrdered = (row: UpdateRow | undefined, version: string, nowMs: number): boolean => {
  if (!row || row.version !== version) return !isUnderWay(row)
  if (row.state !== 'failed' && row.state !== 'waiting') return false
  return row.tries < TRIES_LIMIT && nowMs >= row.not_before_ms
}

/** Which devices to order which update now. */
export function planUpdates(input: {
  offers: readonly AgentOffer[]
  fleet: readonly FleetDevice[]
  rows: ReadonlyMap<DeviceId, UpdateRow>
  nowMs: number
}): { id: DeviceId; offer: AgentOffer }[] {
  const { rows, nowMs } = input
  return input.offers.flatMap((offer) => {
    const fleet = input.fleet.filter(({ fileName }) => fileName === offer.file_name)
    const progress = progressOf(offer, fleet, rows, nowMs)
    if (isStopped(progress)) return []
    const triesOf = (id: DeviceId): number => {
      const row = rows.get(id)
      return row?.version === offer.version ? row.tries : 0
    }
    return (
      fleet
        .filter(
          ({ id, online, free, version }) =>
            online &&
            free &&
            isNewer(offer.version, version) &&
            mayBeOrdered(rows.get(id), offer.version, nowMs),
        )
        // Prefer devices where it has not failed yet.
        .sort((a, b) => triesOf(a.id) - triesOf(b.id) || a.id - b.id)
        .slice(0, Math.max(0, widthOf(progress, fleet.length) - progress.underWay))
        .map(({ id }) => ({ id, offer }))
    )
  })
}
