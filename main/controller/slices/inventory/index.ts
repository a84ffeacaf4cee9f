/** Hardware and software inventory of each device, as its agent reports it. */
import { createHash } from 'node:crypto'
import type { ReportReply } from '#shared/contract/agent/link.ts'
import {
  type DeviceInventory,
  type InventoryPart,
  type SpreadSoftware,
} from '#shared/contract/inventory.ts'
import type { RouteReply } from '#shared/contract/rest/routes.ts'
import { applyDelta, inventoryText } from '#shared/domain/inventory-delta.ts'
import { EMPTY_INVENTORY, SOFTWARE_LIMIT } from '#shared/domain/inventory.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import { isoTime, type Clock, type Log, type Now, type Viewer } from '../../base/context.ts'
import type { Devices } from '../devices/index.ts'
import { createTurns } from '../../base/turns.ts'
import type { Store } from '../../store/store.ts'
import { createInventoryRepo } from './inventory.repo.ts'
import { createAllowances } from './allowances.ts'
import { unpack } from './unpack.ts'

export type Inventories = ReturnType<typeof createInventories>

/** Devices whose reports are listed in one step. */
const REPORTS_AT_ONCE = 1_000
/** Reports that may wait. An agent whose report is deferred sends it again later. */
const WAITING_LIMIT = 100

const COMMITTED: ReportReply = { committed: true }
/** The hub does not have the base of the differences. */
const RESEND: ReportReply = { committed: false, resend: true, message: 'send the whole inventory' }
const refused = (message: string): ReportReply => ({ committed: false, message })

export function createInventories(deps: {
  store: Store
  now: Now
  clock: Clock
  log: Log
  devices: Pick<Devices, 'get' | 'ownedBy' | 'row' | 'noteInventory' | 'announce'>
}) {
  const { store, devices } = deps
  const repo = createInventoryRepo(store)
  const allowances = createAllowances(deps.clock.monotonicMs)
  let waiting = 0
  let turn: Promise<unknown> = Promise.resolve()

  function forget(id: DeviceId): void {
    store.transaction(() => {
      repo.forget(id)
      devices.noteInventory(id, { reboot_pending: null, inventory_at: null })
    })
  }
  // Devices that were removed just before the controller stopped.
  for (const id of repo.removed()) forget(id)

  async function takeDifferences(
    id: DeviceId,
    { base, hash, packed }: InventoryPart & { packed: string },
  ): Promise<ReportReply> {
    const delta = await unpack(packed)
    if (delta === null) return refused('the inventory cannot be read')
    const row = repo.byDevice(id)
    // Read again: while the report was unpacked, the device may have been removed or have reported
    // more.
    if (base !== null && row?.hash !== base) return RESEND
    if (devices.row(id)?.deleted_at !== null) return refused('this device is removed')
    const next = applyDelta(row && base !== null ? repo.inventoryOf(row) : null, delta)
    if ((next.software?.length ?? 0) > SOFTWARE_LIMIT) return refused('too much software')
    if (createHash('sha256').update(inventoryText(next)).digest('hex') !== hash)
      return base === null ? refused('the inventory does not match its hash') : RESEND
    const at = isoTime(deps.now())
    store.transaction(() => {
      repo.save(id, hash, next, at)
      devices.noteInventory(id, {
        reboot_pending: next.reboot?.pending ?? null,
        inventory_at: at,
      })
    })
    devices.announce([id])
    return COMMITTED
  }

  /** Which devices have reported their software, and whether completely. */
  async function reported(
    isVisible: (id: DeviceId) => boolean,
    otherWork: () => Promise<void>,
  ): Promise<RouteReply<'inventory.software'>['told']> {
    const list: Awaited<ReturnType<typeof reported>> = []
    for (let after: DeviceId | 0 = 0; ;) {
      const reports = repo.reports(after, REPORTS_AT_ONCE)
      const last = reports.at(-1)
      if (!last) return list
      for (const { omitted, ...report } of reports)
        if (isVisible(report.device_id)) list.push({ ...report, complete: omitted === 0 })
      after = last.device_id
      await otherWork()
    }
  }

  return {
    /** Of the stored inventory; null: none. */
    hashOf: (id: DeviceId): string | null => repo.hashOf(id),

    /** Stores a report completely or not at all. Never two reports at the same time. */
    async take(id: DeviceId, part: InventoryPart): Promise<ReportReply> {
      const held = repo.hashOf(id)
      if (part.hash === held) {
        repo.touch(id, isoTime(deps.now()))
        return COMMITTED
      }
      // An almost full disk keeps its space for results and users.
      if (store.freeSpace.isLow()) return refused('the disk of the controller is almost full')
      const { packed } = part
      if (packed === null || (part.base !== null && part.base !== held)) return RESEND
      if (waiting >= WAITING_LIMIT || !allowances.take(id)) return refused('too many inventories')
      waiting++
      const mine = turn.then(() => takeDifferences(id, { ...part, packed }))
      turn = mine.catch(() => undefined)
      return mine.finally(() => waiting--)
    },

    /** @throws AppError E_NOT_FOUND if the device does not exist or belongs to another user */
    get(viewer: Viewer, id: DeviceId): DeviceInventory {
      devices.get(viewer, id)
      const row = repo.byDevice(id)
      return {
        ...(row ? repo.inventoryOf(row) : EMPTY_INVENTORY),
        device_id: id,
        collected_at: row?.collected_at ?? null,
        changed_at: row?.changed_at ?? null,
      }
    },

    /**
     * Which of the viewer's devices have software with this in its name, per version, ordered by
     * name. @param page `after`: continues an answer, without its list of devices that reported
     */
    async find(
      viewer: Viewer,
      { name, limit, after }: { name: string; limit: number; after?: string | undefined },
    ): Promise<RouteReply<'inventory.software'>> {
      const otherWork = createTurns(deps.clock)
      const own = viewer.role === 'admin' ? null : new Set(devices.ownedBy(viewer.id))
      const isVisible = (id: DeviceId): boolean => own === null || own.has(id)
      type Found = Omit<SpreadSoftware, 'device_ids'> & { ids: Set<DeviceId> }
      const found = new Map<string, Found>()
      let last: string | null = null
      let next: string | null = null
      for (const { id, title } of repo.titles(name, after ?? null)) {
        await otherWork()
        const ids = repo.devicesWith(id).filter(isVisible)
        if (ids.length === 0) continue
        const { source, name, version, publisher } = title()
        const what = { source, name, version, publisher }
        const text = JSON.stringify(what)
        const known = found.get(text)
        if (!known && found.size >= limit) {
          next = last
          break
        }
        // Listed twice on one PC (for 32 and 64 bit, for example), it counts once.
        if (known) for (const device of ids) known.ids.add(device)
        else found.set(text, { ...what, ids: new Set(ids) })
        last = `${id}:${name}`
      }
      return {
        software: [...found.values()].map(({ ids, ...what }) => ({
          ...what,
          device_ids: [...ids].sort((a, b) => a - b),
        })),
        more: next !== null,
        next_after: next,
        told: after === undefined ? await reported(isVisible, otherWork) : [],
      }
    },

    /** Makes the next titles searchable. @returns how many */
    index: repo.index,
    forget,
  }
}
