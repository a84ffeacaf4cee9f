/**
 * Devices that wait for approval: PCs whose digits are being compared. The comparison is kept in
 * memory, because it is worthless without the PC's open connection; the row of a previously unknown
 * PC is deleted with it.
 */
import type { AgentFacts } from '#shared/contract/agent/link.ts'
import type { DevicePairing } from '#shared/contract/rest/devices.ts'
import { AppError } from '#shared/contract/errors.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import { isoTime, type Now, type Viewer } from '../../base/context.ts'
import type { DevicesRepo } from './devices.repo.ts'

export type PendingDecision =
  { id: DeviceId; what: 'approved'; by: Viewer } | { id: DeviceId; what: 'rejected' }
type Pending = {
  digits: string
  expiresAtMs: number
  approvedBy: Viewer | null
  confirmed: boolean
  /** True for a re-enrolment of an approved device. */
  isApproved: boolean
  /** What happens to the row if pairing fails. */
  afterwards: 'delete' | 'forget' | 'keep'
}

export function createPending(deps: {
  repo: DevicesRepo
  now: Now
  notify: (id: DeviceId, what: 'updated' | 'removed') => void
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
    /**
     * Rows that exist only for the comparison of digits: they count as devices once it has
     * succeeded.
     */
    unknownCount: (): number => [...open.values()].filter((p) => p.afterwards !== 'keep').length,
    /** Known and approved devices that are being enrolled again. */
    knownCount: (): number => [...open.values()].filter((p) => p.isApproved).length,

    /**
     * Shows a PC that has proved its key, with its digits, to everyone who may approve it.
     * @throws AppError E_DEVICE_REFUSED if it is blocked
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
      deps.notify(id, 'updated')
      return id
    },
    /** The person at the PC has confirmed the digits. */
    confirm(id: DeviceId): void {
      const pending = open.get(id)
      if (!pending) return
      pending.confirmed = true
      deps.notify(id, 'updated')
    },
    approvedBy: (id: DeviceId): Viewer | null => open.get(id)?.approvedBy ?? null,
    approve(viewer: Viewer, id: DeviceId): void {
      const pending = open.get(id)
      if (!pending || pending.approvedBy) return
      pending.approvedBy = viewer
      deps.notify(id, 'updated')
      listeners.forEach((listener) => listener({ id, what: 'approved', by: viewer }))
    },
    /** Rejected in the console. `keepRow`: the device is blocked, so its row stays. */
    reject(id: DeviceId, keepRow = false): void {
      const pending = open.get(id)
      if (!pending) return
      open.delete(id)
      if (!keepRow) dropRow(id, pending.afterwards)
      deps.notify(id, keepRow || pending.afterwards === 'keep' ? 'updated' : 'removed')
      listeners.forEach((listener) => listener({ id, what: 'rejected' }))
    },
    /**
     * Pairing has ended: admitted, expired or disconnected. Deletes the row of a device that was
     * not admitted.
     */
    end(id: DeviceId, admitted: boolean): void {
      const pending = open.get(id)
      if (!pending) return
      open.delete(id)
      if (!admitted) dropRow(id, pending.afterwards)
      deps.notify(id, admitted || pending.afterwards === 'keep' ? 'updated' : 'removed')
    },
    onDecision(listener: (decision: PendingDecision) => void): () => void {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    /** Deletes rows that a killed controller left behind. */
    clearLeftovers(): void {
      for (const id of repo.leftovers()) dropRow(id, 'delete')
    },
  }
}
