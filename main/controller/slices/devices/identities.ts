/** Which PC keeps an identity that two of them have, and the new device that the other becomes. */
import type { AgentFacts } from '#shared/contract/agent/link.ts'
import { AppError } from '#shared/contract/errors.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import type { Audit } from '../audit/index.ts'
import { foldedName } from '#shared/domain/folding.ts'
import { isoTime, type Now } from '../../base/context.ts'
import type { Store } from '../../store/store.ts'
import type { createDevicesRepo } from './devices.repo.ts'
import { judge, type Verdict } from './duplicate-identity.ts'

/**
 * Clones of one PC that may wait for approval at the same time: anyone who has the key could create
 * an endless number.
 */
const WAITING_LIMIT = 500
const NAME_LIMIT = 200

export function createIdentities(deps: {
  store: Store
  repo: ReturnType<typeof createDevicesRepo>
  audit: Audit
  now: Now
  hardwareChanged: () => void
}) {
  const { store, repo, audit } = deps

  /** The PC's own name, or `name (2)` and so on if another device has it. */
  function freeName(reported: string): string {
    const name = reported.slice(0, NAME_LIMIT)
    const taken = repo.namesLike(name)
    for (let n = 1; ; n++) {
      const tried = n === 1 ? name : `${name} (${n})`
      if (!taken.has(foldedName(tried))) return tried
    }
  }

  return {
    /**
     * A PC has proved that it holds this device's identity. Returns which of the two has to get a
     * new one, if any.
     * @param older the PC that currently holds it and has just responded
     */
    recognise: (
      id: DeviceId,
      hardwareId: string | null,
      older: { hardwareId: string | null } | null,
    ): Verdict['split'] => {
      const before = repo.hardwareOf(id)
      const { split, known, news } = judge(before, hardwareId, older)
      if (known === before) return split
      store.transaction(() => {
        repo.setHardware(id, known)
        const name = `device ${repo.byId(id)?.name ?? id}`
        if (news === 'replaced')
          audit.record(
            null,
            'device.hardware',
            name,
            'its disk is in different hardware than before',
            {
              deviceId: id,
            },
          )
        if (news === 'returned')
          audit.record(
            null,
            'device.twin',
            name,
            'its replaced hardware is back: two PCs have this identity. This one keeps it.',
            { deviceId: id },
          )
      })
      deps.hardwareChanged()
      return split
    },

    /**
     * The device that a clone of `from` becomes: not approved, in no group, without history. The
     * same key means the same device.
     * @throws AppError E_DEVICE_REFUSED if this key is refused, or too many clones already wait
     */
    separateClone(
      from: DeviceId,
      copy: { publicKey: string; facts: AgentFacts; address: string | null },
    ): DeviceId {
      return store.transaction(() => {
        const original = repo.byId(from)
        if (!original || original.deleted_at !== null || original.blocked)
          throw new AppError('E_DEVICE_REFUSED', 'This device is removed or blocked.')
        const existing = repo.byKey(copy.publicKey)
        if (existing) {
          const isWanted = existing.deleted_at === null && !existing.blocked
          if (existing.split_from !== from || !isWanted)
            throw new AppError('E_DEVICE_REFUSED', 'This device is removed or blocked.')
          return existing.id
        }
        if (repo.waitingCopies(from) >= WAITING_LIMIT)
          throw new AppError(
            'E_DEVICE_REFUSED',
            `${WAITING_LIMIT} clones of ${original.name} are already waiting for approval.`,
          )
        const { facts, address } = copy
        const at = isoTime(deps.now())
        const made = repo.insert({
          name: freeName(facts.name),
          reported_name: facts.name,
          platform: facts.platform,
          arch: facts.arch,
          os_version: facts.os_version,
          agent_version: facts.agent_version,
          free_disk_bytes: facts.free_disk_bytes,
          public_key: copy.publicKey,
          owner_id: original.owner_id,
          approved: false,
          address,
          enrolled_at: at,
          split_from: from,
        })
        audit.record(
          null,
          'device.split',
          `device ${made.name}`,
          `it had the identity of ${original.name} (a cloned disk), from ${address ?? 'an unknown address'}; it waits for approval`,
          { deviceId: made.id },
        )
        audit.record(
          null,
          'device.twin',
          `device ${original.name}`,
          `another PC had its identity (a cloned disk); that one is now ${made.name}`,
          { deviceId: from },
        )
        return made.id
      })
    },
  }
}
