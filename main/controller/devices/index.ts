/** The devices: enrolled PCs, whether they are there, and who may see them. */
import type { AgentFacts, Hello } from '#shared/contract/agent-link.ts'
import type { AgentUpdate, Device } from '#shared/contract/entities.ts'
import { AppError } from '#shared/contract/errors.ts'
import type { DeviceId, EnrollmentId, UserId } from '#shared/domain/ids.ts'
import { withoutSteering } from '#shared/domain/plain-text.ts'
import type { Audit } from '../audit/index.ts'
import { isoTime, maySee, type Now, type Viewer } from '../context.ts'
import type { Store } from '../store/store.ts'
import { createDevicesRepo, type DeviceRow } from './devices.repo.ts'
import { createIdentities } from './identities.ts'
import { createPending } from './pending.ts'
import { createPresence, type PresenceTimings } from './presence.ts'

export type { DeviceRow } from './devices.repo.ts'
export type { PendingDecision } from './pending.ts'
export type { Presence, PresenceTimings, Reachability } from './presence.ts'
export type Devices = ReturnType<typeof createDevices>

const LAST_SEEN_DELAY_MS = 2_000

/** A PC may call itself what it likes; what misleads a reader is taken from it at the door. */
const plainFacts = (facts: AgentFacts): AgentFacts => ({
  ...facts,
  name: withoutSteering(facts.name),
  os_version: withoutSteering(facts.os_version),
  agent_version: withoutSteering(facts.agent_version),
})

export type DeviceChange = { id: DeviceId; what: 'updated' | 'presence' | 'removed' | 'refused' }

export function createDevices(deps: {
  store: Store
  now: Now
  audit: Audit
  /** Whether there is a newer agent for it. */
  agentUpdateOf: (row: DeviceRow) => AgentUpdate | null
  presenceTimings?: Partial<PresenceTimings>
}) {
  const repo = createDevicesRepo(deps.store)
  const identities = createIdentities({ ...deps, repo })
  const presence = createPresence({ now: deps.now, timings: deps.presenceTimings })
  const listeners = new Set<(change: DeviceChange) => void>()
  /** What the engine asks of every device at every run. Forgotten at each change, so it never tells what was. */
  const standings = new Map<DeviceId, { name: string; refused: boolean }>()
  const tell = (change: DeviceChange) => {
    if (change.what !== 'presence') standings.delete(change.id)
    listeners.forEach((listener) => listener(change))
  }
  const pending = createPending({ repo, now: deps.now, tell: (id, what) => tell({ id, what }) })
  pending.clearLeftovers()
  // When a link ends, the time is written down: not at once, but many together, because a power cut ends all of them.
  const lastSeen = new Map<DeviceId, string>()
  let seenTimer: NodeJS.Timeout | null = null
  function writeLastSeen(): void {
    if (seenTimer) clearTimeout(seenTimer)
    seenTimer = null
    if (lastSeen.size > 0)
      deps.store.transaction(() => lastSeen.forEach((at, id) => repo.touch(id, at)))
    lastSeen.clear()
  }
  presence.onChange((id) => {
    if (!presence.isOnline(id)) {
      lastSeen.set(id, isoTime(deps.now()))
      seenTimer ??= setTimeout(writeLastSeen, LAST_SEEN_DELAY_MS)
    }
    tell({ id, what: 'presence' })
  })

  const toDevice = (row: DeviceRow, groups: ReturnType<typeof repo.groupIds>): Device => ({
    id: row.id,
    name: row.name,
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
    last_seen_at: presence.isOnline(row.id)
      ? isoTime(deps.now())
      : (lastSeen.get(row.id) ?? row.last_seen_at),
    free_disk_bytes: row.free_disk_bytes,
    reboot_pending: row.reboot_pending,
    inventory_at: row.inventory_at,
    group_ids: groups.get(row.id) ?? [],
    split_from: row.split_from,
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
    /** Tells consoles that something about these devices looks different now (their groups, say). */
    announce: (ids: DeviceId[]): void => ids.forEach((id) => tell({ id, what: 'updated' })),

    list(viewer: Viewer): Device[] {
      const groups = repo.groupIds(null)
      return repo
        .list()
        .filter((row) => maySee(viewer, row.owner_id))
        .map((row) => toDevice(row, groups))
    },
    get: (viewer: Viewer, id: DeviceId): Device =>
      toDevice(visible(viewer, id), repo.groupIds([id])),
    /** For the feed: views with their owners; forgotten devices are left out. */
    describe(ids: DeviceId[]): { device: Device; ownerId: UserId | null }[] {
      const groups = repo.groupIds(ids)
      return repo
        .byIds(ids)
        .map((row) => ({ device: toDevice(row, groups), ownerId: row.owner_id }))
    },
    row: (id: DeviceId): DeviceRow | undefined => repo.byId(id),
    /** Its name, and whether nothing may be sent to it: forgotten, blocked or not approved. */
    standing(id: DeviceId): { name: string; refused: boolean } {
      let standing = standings.get(id)
      if (!standing) {
        const row = repo.byId(id)
        standing = {
          name: row?.name ?? `device ${id}`,
          refused: !row || row.deleted_at !== null || row.blocked || !row.approved,
        }
        standings.set(id, standing)
      }
      return standing
    },
    /** Devices that were here since then: those online now, and those seen. */
    seenSince: (iso: string): number =>
      repo.list().filter((row) => presence.isOnline(row.id) || (row.last_seen_at ?? '') > iso)
        .length,
    /** Of all devices, or of those that are his. */
    counts(viewer?: Viewer): { total: number; online: number; unapproved: number } {
      if (!viewer || viewer.role === 'admin') {
        const { total, unapproved } = repo.counts()
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
    ownedBy: (id: UserId): DeviceId[] => repo.ownedBy(id).map((row) => row.id),
    handOver: (from: UserId, to: UserId | null): void => repo.handOver(from, to),

    /**
     * The devices behind ids, checked one by one.
     * @throws AppError E_NOT_FOUND naming every id that does not exist or is not the viewer's
     */
    resolve(ids: DeviceId[], viewer: Viewer): DeviceRow[] {
      const found = new Map(repo.byIds(ids).map((row) => [row.id, row]))
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

    rename(viewer: Viewer, id: DeviceId, name: string | undefined): Device {
      const row = visible(viewer, id)
      if (name !== undefined && name !== row.name)
        deps.store.transaction(() => {
          repo.update(id, { name })
          deps.audit.record(viewer, 'device.rename', `device ${row.name}`, `now ${name}`, {
            deviceId: id,
          })
        })
      tell({ id, what: 'updated' })
      return view(id)
    },
    /** One that compares digits is enrolled when the person at the PC has confirmed them too; who approved it owns it. */
    approve(viewer: Viewer, id: DeviceId): Device {
      const row = visible(viewer, id)
      if (pending.has(id)) {
        const told = 'on this side, the digits are compared'
        deps.store.transaction(() =>
          deps.audit.record(viewer, 'device.approve', `device ${row.name}`, told),
        )
        pending.approve(viewer, id)
        return view(id)
      }
      deps.store.transaction(() => {
        repo.update(id, { approved: true, blocked: false, owner_id: row.owner_id ?? viewer.id })
        deps.audit.record(viewer, 'device.approve', `device ${row.name}`, '', { deviceId: id })
      })
      tell({ id, what: 'updated' })
      return view(id)
    },
    block(viewer: Viewer, id: DeviceId): Device {
      const row = visible(viewer, id)
      deps.store.transaction(() => {
        repo.update(id, { blocked: true, approved: false })
        deps.audit.record(viewer, 'device.block', `device ${row.name}`, '', { deviceId: id })
      })
      pending.reject(id, true)
      tell({ id, what: 'refused' })
      return view(id)
    },
    /** One that compares digits is rejected by this; a device that was known before stays then. */
    remove(viewer: Viewer, id: DeviceId): void {
      const row = visible(viewer, id)
      if (pending.has(id)) {
        deps.store.transaction(() =>
          deps.audit.record(viewer, 'device.reject', `device ${row.name}`, ''),
        )
        return pending.reject(id)
      }
      deps.store.transaction(() => {
        repo.update(id, { deleted_at: isoTime(deps.now()) })
        deps.audit.record(viewer, 'device.delete', `device ${row.name}`, '', { deviceId: id })
      })
      tell({ id, what: 'removed' })
    },

    /**
     * A PC that proved a valid code, or was approved after its digits were compared. The same key again is the same device: its row is taken up again.
     * Call it inside the transaction that counts the code's use. `enrollmentId` null: without a code.
     */
    enroll(input: {
      facts: AgentFacts
      publicKey: string
      ownerId: UserId | null
      enrollmentId: EnrollmentId | null
      address: string | null
    }): DeviceId {
      const known = repo.byKey(input.publicKey)
      const facts = plainFacts(input.facts)
      if (known?.blocked) throw new AppError('E_DEVICE_REFUSED', 'This device is blocked.')
      const row = {
        owner_id: input.ownerId,
        enrollment_id: input.enrollmentId,
        approved: true,
        enrolled_at: isoTime(deps.now()),
        deleted_at: null,
      }
      const id = known
        ? known.id
        : repo.insert({
            ...row,
            name: facts.name,
            public_key: input.publicKey,
            platform: facts.platform,
            arch: facts.arch,
            os_version: facts.os_version,
            agent_version: facts.agent_version,
          }).id
      if (known) repo.update(id, row)
      standings.delete(id)
      repo.setFacts(id, facts, input.address, isoTime(deps.now()))
      return id
    },

    recognise: identities.recognise,
    /** See identities.ts; consoles are told. @throws AppError E_DEVICE_REFUSED */
    splitOff(from: DeviceId, copy: Parameters<typeof identities.splitOff>[1]): DeviceId {
      const id = identities.splitOff(from, copy)
      tell({ id, what: 'updated' })
      return id
    },

    /** Takes over what an agent says at the start of a link. Writes only what has changed: most mornings nothing has. */
    greet(id: DeviceId, hello: Hello, address: string | null): void {
      const row = repo.byId(id)
      if (!row) return
      const facts = plainFacts(hello.facts)
      const isNews =
        row.address !== address ||
        (['platform', 'arch', 'os_version', 'agent_version', 'free_disk_bytes'] as const).some(
          (key) => row[key] !== facts[key],
        )
      if (!isNews && hello.last_sequence <= row.last_sequence) return
      deps.store.transaction(() => {
        if (isNews) repo.setFacts(id, facts, address, isoTime(deps.now()))
        repo.raiseSequence(id, hello.last_sequence)
      })
    },
    setFacts: (id: DeviceId, facts: AgentFacts, address: string | null): void => {
      repo.setFacts(id, plainFacts(facts), address, isoTime(deps.now()))
      tell({ id, what: 'updated' })
    },
    /** What a list tells of its inventory. Call it inside the transaction that keeps that, and `announce` after it. */
    noteInventory(id: DeviceId, told: Pick<DeviceRow, 'reboot_pending' | 'inventory_at'>): void {
      repo.update(id, told)
    },
    /** Writes what is still only in memory. */
    stop: writeLastSeen,
    /** The agents of all devices that something may be sent to. */
    agentVersions: () => repo.agentVersions(),
    takeSequence: (id: DeviceId): number => repo.takeSequence(id),
  }
}
