/**
 * Reinstalled PCs: they enrol as new devices beside their old, offline rows. Hardware and name
 * suggest that two rows are one PC; neither proves it, so a user decides and nothing is merged
 * automatically.
 */
import type { DeviceId } from '#shared/domain/ids.ts'
import { foldedName } from '#shared/domain/folding.ts'
import type { DeviceRow, DevicesRepo } from './devices.repo.ts'

/** An unplugged link is detected after a while: until then the old row seems online. */
const SLACK_MS = 5 * 60_000

const namesOf = (row: DeviceRow): string[] =>
  [row.name, row.reported_name ?? row.name].map(foldedName)

/** Whether `newer` may be `older` after a reinstallation. Pure; their hardware is the same. */
export function mayReplace(
  newer: DeviceRow,
  older: DeviceRow,
  olderSeenAt: string | null,
): boolean {
  return (
    [newer, older].every((row) => row.deleted_at === null && row.approved && !row.blocked) &&
    newer.split_from !== older.id &&
    older.split_from !== newer.id &&
    newer.platform === older.platform &&
    newer.id > older.id &&
    Date.parse(newer.enrolled_at) >= Date.parse(older.enrolled_at) &&
    // Both were online at the same time: two PCs.
    Date.parse(olderSeenAt ?? older.enrolled_at) <= Date.parse(newer.enrolled_at) + SLACK_MS &&
    !newer.kept_beside.includes(older.id) &&
    namesOf(older).includes(foldedName(newer.reported_name ?? newer.name))
  )
}

export type Reinstalls = ReturnType<typeof createReinstalls>

export function createReinstalls(deps: {
  repo: Pick<DevicesRepo, 'sharedHardware' | 'byIds' | 'byId'>
  isOnline: (id: DeviceId) => boolean
  seenAt: (row: DeviceRow) => string | null
}) {
  /**
   * Rows that are alike, the older ones by the newer and the reverse. When a PC was last seen is not
   * part of it: thousands of links that begin or end must not cause as many look-ups. Null: look them
   * up again.
   */
  let known: { older: Map<DeviceId, DeviceId[]>; newer: Map<DeviceId, DeviceId[]> } | null = null

  function look(): NonNullable<typeof known> {
    const found: NonNullable<typeof known> = { older: new Map(), newer: new Map() }
    const shared = deps.repo.sharedHardware()
    if (shared.length === 0) return found
    const rows = new Map(
      deps.repo
        .byIds([...new Set(shared.map((entry) => entry.device_id))])
        .map((row) => [row.id, row]),
    )
    const alike = new Map<string, DeviceRow[]>()
    for (const { hardware_id, device_id } of shared) {
      const row = rows.get(device_id)
      if (!row) continue
      for (const name of new Set(namesOf(row))) {
        const key = `${hardware_id} ${name}`
        alike.set(key, [...(alike.get(key) ?? []), row])
      }
    }
    for (const group of alike.values()) {
      group.sort((a, b) => a.id - b.id)
      // Each PC replaces the one before it: it was reinstalled again.
      for (const [i, newer] of group.entries()) {
        const older = group[i - 1]
        if (!older || !mayReplace(newer, older, null)) continue
        found.older.set(newer.id, [...(found.older.get(newer.id) ?? []), older.id])
        found.newer.set(older.id, [...(found.newer.get(older.id) ?? []), newer.id])
      }
    }
    return found
  }
  /** The last of its older rows that was not seen since it enrolled. */
  function replacedBy(newer: DeviceId): DeviceId | undefined {
    known ??= look()
    const older = known.older.get(newer)
    const row = older && deps.repo.byId(newer)
    return (
      row &&
      older.findLast((id) => {
        const old = deps.repo.byId(id)
        return old !== undefined && mayReplace(row, old, deps.seenAt(old))
      })
    )
  }

  return {
    changed(): void {
      known = null
    },
    /** The PC's likely previous row; null: none, or that one is online. */
    of(id: DeviceId): DeviceId | null {
      const older = replacedBy(id)
      return older === undefined || deps.isOnline(older) ? null : older
    },
    /** New rows that may be this one after a reinstallation. */
    replacing(older: DeviceId): DeviceId[] {
      known ??= look()
      return (known.newer.get(older) ?? []).filter((newer) => replacedBy(newer) === older)
    },
  }
}
