/** Devices: enrolled PCs, whether they are online, and who may see them. */
import type { AgentUpdate, Device } from '#shared/contract/rest/devices.ts'
import { AppError } from '#shared/contract/errors.ts'
import type { DeviceId, UserId } from '#shared/domain/ids.ts'
import type { Audit } from '../audit/index.ts'
import { isoTime, maySee, type Clock, type Now, type Viewer } from '../../base/context.ts'
import { createTurns } from '../../base/turns.ts'
import type { Store } from '../../store/store.ts'
import { createArrivals } from './arrivals.ts'
import { createControl } from './control.ts'
import { createDevicesRepo, type ChosenDevice, type DeviceRow } from './devices.repo.ts'
import { createIdentities } from './identities.ts'
import { createLastSeen } from './last-seen.ts'
import { createPending } from './pending.ts'
import { createReinstalls } from './reinstalls.ts'
import { createPresence, type PresenceTimings } from './presence.ts'

/** A few milliseconds of work. */
const LISTED_AT_ONCE = 250

export { createDeviceFacts } from './facts.ts'
export type { ChosenDevice, DeviceRow } from './devices.repo.ts'
export type { PendingDecision } from './pending.ts'
export type { Presence, PresenceTimings, Reachability } from './presence.ts'
export type Devices = ReturnType<typeof createDevices>
export type DeviceChange = { id: DeviceId; what: 'updated' | 'presence' | 'removed' | 'refused' }

export function createDevices(deps: {
  store: Store
  now: Now
  clock: Clock
  audit: Audit
  /** Returns the available agent update, if any. */
  agentUpdateOf: (row: DeviceRow) => AgentUpdate | null
  presenceTimings?: Partial<PresenceTimings>
}) {
  const repo = createDevicesRepo(deps.store)
  const identities = createIdentities({
    ...{ ...deps, repo },
    hardwareChanged: () => reinstalls.changed(),
  })
  const presence = createPresence({ clock: deps.clock, timings: deps.presenceTimings })
  const listeners = new Set<(change: DeviceChange) => void>()
  /**
   * What the engine reads for every device in every run. Cleared on each change, so it is never
   * stale.
   */
  const eligibilities = new Map<DeviceId, { name: string; refused: boolean }>()
  /** Of all devices. Null: count them again. */
  let counted: ReturnType<typeof repo.counts> | null = null
  function rowsChanged(): void {
    reinstalls.changed()
    counted = null
  }
  const notify = (change: DeviceChange) => {
    if (change.what !== 'presence') {
      eligibilities.delete(change.id)
      rowsChanged()
    }
    listeners.forEach((listener) => listener(change))
  }
  const pending = createPending({ repo, now: deps.now, notify: (id, what) => notify({ id, what }) })
  pending.clearLeftovers()
  const lastSeen = createLastSeen({ ...deps, repo })
  const seenAt = (row: DeviceRow): string | null => lastSeen.of(row.id) ?? row.last_seen_at
  const reinstalls = createReinstalls({ repo, isOnline: presence.isOnline, seenAt })
  presence.onChange((id) => {
    if (!presence.isOnline(id)) lastSeen.note(id)
    notify({ id, what: 'presence' })
    // Whether its PC was reinstalled only matters while it is offline.
    for (const newer of reinstalls.replacing(id)) notify({ id: newer, what: 'presence' })
  })

  const toDevice = (row: DeviceRow, groups: ReturnType<typeof repo.groupIds>): Device => ({
    id: row.id,
    name: row.name,
    version: row.version,
    platform: row.platform,
    arch: row.arch,
    os_version: row.os_version,
    online: presence.isOnline(row.id),
    approved: row.approved,
    blocked: row.blocked,
    pairing: pending.view(row.id),
    owner_id: row.owner_id,
    agent_version: row.agent_version,
    agent_update: deps.agentUpdateOf(row),
    address: row.address,
    enrolled_at: row.enrolled_at,
    last_seen_at: presence.isOnline(row.id) ? isoTime(deps.now()) : seenAt(row),
    free_disk_bytes: row.free_disk_bytes,
    reboot_pending: row.reboot_pending,
    inventory_at: row.inventory_at,
    group_ids: groups.get(row.id) ?? [],
    split_from: row.split_from,
    reported_name: row.reported_name,
    reinstall_of: reinstalls.of(row.id),
  })

  function visible(viewer: Viewer, id: DeviceId): DeviceRow {
    const row = repo.byId(id)
    if (!row || row.deleted_at !== null || !maySee(viewer, row.owner_id))
      throw new AppError('E_NOT_FOUND', 'This device does not exist.')
    return row
  }
  const view = (id: DeviceId): Device => toDevice(repo.byId(id)!, repo.groupIds([id]))

  return {
    presence,
    pending,
    onChange(listener: (change: DeviceChange) => void): () => void {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    /** Notifies consoles that these devices have changed (their groups, for example). */
    announce: (ids: DeviceId[]): void => ids.forEach((id) => notify({ id, what: 'updated' })),

    /**
     * Those that exist now, by name, in chunks with time for other work in between; devices that are
     * deleted meanwhile are left out.
     */
    list(viewer: Viewer): AsyncGenerator<Device[]> {
      const ids = repo.idsByName(viewer.role === 'admin' ? null : viewer.id)
      const otherWork = createTurns(deps.clock)
      async function* chunks(): AsyncGenerator<Device[]> {
        for (let i = 0; i < ids.length; i += LISTED_AT_ONCE) {
          const chunk = ids.slice(i, i + LISTED_AT_ONCE)
          const rows = new Map(repo.byIds(chunk).map((row) => [row.id, row]))
          const groups = repo.groupIds(chunk)
          yield chunk.flatMap((id) => {
            const row = rows.get(id)
            return row && maySee(viewer, row.owner_id) ? [toDevice(row, groups)] : []
          })
          await otherWork()
        }
      }
      return chunks()
    },
    get: (viewer: Viewer, id: DeviceId): Device =>
      toDevice(visible(viewer, id), repo.groupIds([id])),
    /** For the feed: views with their owners; deleted devices are left out. */
    describe(ids: DeviceId[]): { device: Device; ownerId: UserId | null }[] {
      const groups = repo.groupIds(ids)
      return repo
        .byIds(ids)
        .map((row) => ({ device: toDevice(row, groups), ownerId: row.owner_id }))
    },
    row: (id: DeviceId): DeviceRow | undefined => repo.byId(id),
    /** Its name, and whether nothing may be sent to it: deleted, blocked or not approved. */
    eligibility(id: DeviceId): { name: string; refused: boolean } {
      let eligibility = eligibilities.get(id)
      if (!eligibility) {
        const row = repo.byId(id)
        eligibility = {
          name: row?.name ?? `device ${id}`,
          refused: !row || row.deleted_at !== null || row.blocked || !row.approved,
        }
        eligibilities.set(id, eligibility)
      }
      return eligibility
    },
    /** Devices seen since then, including those online now. */
    seenSince: (iso: string): number =>
      repo.lastSeen().filter((row) => presence.isOnline(row.id) || (row.last_seen_at ?? '') > iso)
        .length,
    /** Of all devices, or of those that the viewer may see. */
    counts(viewer?: Viewer): { total: number; online: number; unapproved: number } {
      if (!viewer || viewer.role === 'admin') {
        const { total, unapproved } = (counted ??= repo.counts())
        return {
          total: total - pending.unknownCount(),
          online: presence.onlineCount(),
          unapproved: unapproved + pending.knownCount(),
        }
      }
      const own = repo.ownedBy(viewer.id)
      return {
        total: own.length,
        online: own.filter((row) => presence.isOnline(row.id)).length,
        unapproved: own.filter((row) => !row.approved && !row.blocked).length,
      }
    },
    /** For the removal of a user. */
    ownedBy: (id: UserId): DeviceId[] => repo.idsOwnedBy(id),
    transfer: (from: UserId, to: UserId | null, limit: number): DeviceId[] =>
      repo.transfer(from, to, limit),

    /**
     * The devices for these ids, checked one by one.
     * @throws AppError E_NOT_FOUND naming every id that does not exist or that the viewer may not
     * see
     */
    resolve(ids: DeviceId[], viewer: Viewer): ChosenDevice[] {
      const found = new Map(repo.chosen(ids).map((row) => [row.id, row]))
      const missing = ids.flatMap((id, i) => {
        const row = found.get(id)
        return row && maySee(viewer, row.owner_id)
          ? []
          : [{ path: `/device_ids/${i}`, message: `device ${id} does not exist` }]
      })
      if (missing.length > 0)
        throw new AppError(
          'E_NOT_FOUND',
          `${missing.length} of the chosen devices do not exist.`,
          missing.slice(0, 20),
        )
      return [...found.values()]
    },

    ...createControl({
      ...{ ...deps, repo, pending, visible, view, notify, reinstalls },
      isConnecting: (id) => presence.reachability(id) === 'connecting',
    }),
    ...createArrivals({
      ...deps,
      repo,
      notify,
      enrolled: (id) => {
        eligibilities.delete(id)
        rowsChanged()
      },
    }),
    /**
     * Stores what the device list shows of its inventory. Call it inside the transaction that
     * stores the inventory, and `announce` after it.
     */
    noteInventory(
      id: DeviceId,
      reported: Pick<DeviceRow, 'reboot_pending' | 'inventory_at'>,
    ): void {
      repo.update(id, reported)
    },

    recognise: identities.recognise,
    /** See identities.ts; notifies consoles. @throws AppError E_DEVICE_REFUSED */
    separateClone(from: DeviceId, copy: Parameters<typeof identities.separateClone>[1]): DeviceId {
      const id = identities.separateClone(from, copy)
      notify({ id, what: 'updated' })
      return id
    },

    /** Writes pending values. */
    stop: () => lastSeen.stop(),
    /** The agents of devices that commands may be sent to, in pages by id. */
    agentVersions: (after: DeviceId | 0, limit: number) => repo.agentVersions(after, limit),
    takeSequence: (id: DeviceId): number => repo.takeSequence(id),
  }
}
