/**
 * PCs whose disk was set up anew: they enrolled as new devices and stand beside their old, dead rows. Hardware and name propose
 * that two rows are one PC; neither proves it, so a person is asked and nothing is ever taken over by itself.
 */
import type { DeviceId } from '#shared/domain/ids.ts'
import { foldedName } from '#shared/domain/folding.ts'
import type { DeviceRow, DevicesRepo } from './devices.repo.ts'

/** A link whose cable was pulled is noticed after a while: until then the old row seems to live on. */
const SLACK_MS = 5 * 60_000

const namesOf = (row: DeviceRow): string[] =>
  [row.name, row.reported_name ?? row.name].map(foldedName)

/** Whether `newer` may be `older`, set up anew. Pure; their hardware is the same. */
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
    // Both lived at the same time: two PCs.
    Date.parse(olderSeenAt ?? older.enrolled_at) <= Date.parse(newer.enrolled_at) + SLACK_MS &&
    !newer.kept_beside.includes(older.id) &&
    namesOf(older).includes(foldedName(newer.reported_name ?? newer.name))
  )
}

export type Reinstalls = ReturnType<typeof createReinstalls>

export function createReinstalls(deps: {
  repo: Pick<DevicesRepo, 'sharedHardware' | 'byIds'>
  isOnline: (id: DeviceId) => boolean
  seenAt: (row: DeviceRow) => string | null
}) {
  /** Old rows by new ones, whoever is online. Null: it has to be looked up. */
  let known: Map<DeviceId, DeviceId> | null = null

  function look(): Map<DeviceId, DeviceId> {
    const found = new Map<DeviceId, DeviceId>()
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
      // Each PC replaces the one before it: it was set up anew once more.
      for (const [i, newer] of group.entries()) {
        const older = group[i - 1]
        if (older && mayReplace(newer, older, deps.seenAt(older))) found.set(newer.id, older.id)
      }
    }
    return found
  }

  return {
    changed(): void {
      known = null
    },
    /** The row that this PC had before, as far as can be told; null: none, or that one is online. */
    of(id: DeviceId): DeviceId | null {
      known ??= look()
      const older = known.get(id)
      return older === undefined || deps.isOnline(older) ? null : older
    },
    /** New rows that may be this one, set up anew. */
    replacing(older: DeviceId): DeviceId[] {
      known ??= look()
      return [...known].flatMap(([newer, old]) => (old === older ? [newer] : []))
    },
  }
}
