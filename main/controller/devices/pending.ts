/**
 * Devices that wait for approval: PCs whose digits are being compared right now. What is compared lives in memory, because
 * it is worth nothing without the PC's open connection; the row of a PC that was not known here goes with it.
 */
import type { AgentFacts } from '#shared/contract/agent-link.ts'
import type { DevicePairing } from '#shared/contract/entities.ts'
import { AppError } from '#shared/contract/errors.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import { isoTime, type Now, type Viewer } from '../context.ts'
import type { DeviceRow, DevicesRepo } from './devices.repo.ts'

export type PendingDecision = { id: DeviceId; what: 'approved'; by: Viewer } | { id: DeviceId; what: 'rejected' } // prettier-ignore
type Pending = {
  digits: string
  expiresAtMs: number
  approvedBy: Viewer | null
  confirmed: boolean
  /** It was a device before, and approved. */
  isApproved: boolean
  /** What becomes of the row when nothing comes of it. */
  afterwards: 'delete' | 'forget' | 'keep'
}

export function createPending(deps: {
  repo: DevicesRepo
  now: Now
  tell: (id: DeviceId, what: 'updated' | 'removed') => void
}) {
  const { repo } = deps
  const open = new Map<DeviceId, Pending>()
  const listeners = new Set<(decision: PendingDecision) => void>()

  function dropRow(id: DeviceId, afterwards: Pending['afterwards']): void {
    if (afterwards === 'keep') return
    if (afterwards === 'delete' && repo.deleteUnused(id)) return
    repo.update(id, { deleted_at: isoTime(deps.now()) })
  }

  return {
    view(id: DeviceId): DevicePairing | null {
      const pending = open.get(id)
      return pending
        ? {
            digits: pending.digits,
            expires_at: isoTime(pending.expiresAtMs),
            approved: pending.approvedBy !== null,
            confirmed: pending.confirmed,
          }
        : null
    },
    has: (id: DeviceId): boolean => open.has(id),
    /** Rows that are there for the comparison of digits alone: they count as devices once that has ended well. */
    unknownCount: (): number => [...open.values()].filter((p) => p.afterwards !== 'keep').length,
    /** Known and approved devices that are being enrolled once more. */
    knownCount: (): number => [...open.values()].filter((p) => p.isApproved).length,

    /**
     * Shows a PC that has proved its key, with its digits, to whoever may approve it.
     * @throws AppError E_DEVICE_REFUSED when it is blocked
     */
    add(input: {
      facts: AgentFacts
      publicKey: string
      address: string
      digits: string
      expiresAtMs: number
    }): DeviceId {
      const { facts } = input
      const known = repo.byKey(input.publicKey)
      if (known?.blocked) throw new AppError('E_DEVICE_REFUSED', 'This device is blocked.')
      const isKnown = known !== undefined && known.deleted_at === null
      const nowIso = isoTime(deps.now())
      const fresh = { owner_id: null, enrollment_id: null, approved: false, enrolled_at: nowIso }
      const id =
        known?.id ??
        repo.insert({
          ...fresh,
          name: facts.name,
          reported_name: facts.name,
          public_key: input.publicKey,
          platform: facts.platform,
          arch: facts.arch,
          os_version: facts.os_version,
          agent_version: facts.agent_version,
        }).id
      if (known && !isKnown)
        repo.update(id, {
          ...fresh,
          ...{ name: facts.name, reported_name: facts.name, name_given: false },
          deleted_at: null,
        })
      if (!isKnown) repo.setFacts(id, facts, input.address, nowIso)
      open.set(id, {
        digits: input.digits,
        expiresAtMs: input.expiresAtMs,
        approvedBy: null,
        confirmed: false,
        isApproved: isKnown && known.approved,
        afterwards: isKnown ? 'keep' : known ? 'forget' : 'delete',
      })
      deps.tell(id, 'updated')
      return id
    },
    /** The person at the PC has said that the digits are the same. */
    confirm(id: DeviceId): void {
      const pending = open.get(id)
      if (!pending) return
      pending.confirmed = true
      deps.tell(id, 'updated')
    },
    approvedBy: (id: DeviceId): Viewer | null => open.get(id)?.approvedBy ?? null,
    approve(viewer: Viewer, id: DeviceId): void {
      const pending = open.get(id)
      if (!pending || pending.approvedBy) return
      pending.approvedBy = viewer
      deps.tell(id, 'updated')
      listeners.forEach((listener) => listener({ id, what: 'approved', by: viewer }))
    },
    /** Somebody at the console does not want it. `keepRow` for a device that is blocked. */
    reject(id: DeviceId, keepRow = false): void {
      const pending = open.get(id)
      if (!pending) return
      open.delete(id)
      if (!keepRow) dropRow(id, pending.afterwards)
      deps.tell(id, keepRow || pending.afterwards === 'keep' ? 'updated' : 'removed')
      listeners.forEach((listener) => listener({ id, what: 'rejected' }))
    },
    /** It is over: admitted, or expired, or gone. The row of a device that was not admitted goes too. */
    end(id: DeviceId, admitted: boolean): void {
      const pending = open.get(id)
      if (!pending) return
      open.delete(id)
      if (!admitted) dropRow(id, pending.afterwards)
      deps.tell(id, admitted || pending.afterwards === 'keep' ? 'updated' : 'removed')
    },
    onDecision(listener: (decision: PendingDecision) => void): () => void {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    /** Rows that a controller left behind when it was killed. */
    clearLeftovers(): void {
      for (const row of repo.list()) if (isLeftover(row)) dropRow(row.id, 'delete')
    },
  }
}

/** A copy of a PC's disk waits for approval too, and longer: it says from which device it was split. */
const isLeftover = (row: DeviceRow): boolean =>
  !row.approved &&
  !row.blocked &&
  row.owner_id === null &&
  row.enrollment_id === null &&
  row.split_from === null
