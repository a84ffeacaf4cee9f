/**
 * Enrolment of a PC, and the greeting at the start of every link. Stores what the PC reports about
 * itself.
 */
import type { AgentFacts, Hello } from '#shared/contract/agent/link.ts'
import type { StateDamage } from '#shared/contract/agent/state.ts'
import { AppError } from '#shared/contract/errors.ts'
import type { DeviceId, EnrollmentId, UserId } from '#shared/domain/ids.ts'
import type { Audit } from '../audit/index.ts'
import { isoTime, type Clock, type Now } from '../../base/context.ts'
import type { Store } from '../../store/store.ts'
import type { DevicesRepo } from './devices.repo.ts'
import { nameAfter } from './names.ts'

const FOLLOW_EVERY_MS = 5_000

/** Minimum time between two audit entries about lost records of one device. */
const LOSS_EVERY_MS = 10 * 60_000

const WHAT: Record<StateDamage['what'], string> = {
  missing: 'is missing',
  empty: 'is empty',
  unreadable: 'cannot be read',
  partly_unreadable: 'can only be read partially',
}
const damageText = (damaged: readonly StateDamage[]): string =>
  `${damaged.map(({ file, what }) => `${file} ${WHAT[what]}`).join(', ')}; the damaged files are kept on the PC in set-aside`

export function createArrivals(deps: {
  store: Store
  repo: DevicesRepo
  audit: Audit
  now: Now
  clock: Pick<Clock, 'monotonicMs'>
  notify: (change: { id: DeviceId; what: 'updated' }) => void
  /** Its row was created or restored. The caller notifies the consoles. */
  enrolled: (id: DeviceId) => void
}) {
  const { store, repo, audit } = deps
  /**
   * When lost records were last audited: an agent that invents them must not fill the audit log.
   */
  const lossReportedMs = new Map<DeviceId, number>()
  const followedMs = new Map<DeviceId, number>()

  /** Applies the name that the PC reports. Call it inside a transaction. */
  function followName(id: DeviceId, reported: string): void {
    const row = repo.byId(id)
    const next = row && nameAfter(row, reported)
    if (!row || !next) return
    // An agent that reports a new name with every message must not fill the audit log.
    if (deps.clock.monotonicMs() - (followedMs.get(id) ?? -Infinity) < FOLLOW_EVERY_MS) return
    repo.update(id, next)
    if (row.reported_name === null && next.name === row.name) return
    followedMs.set(id, deps.clock.monotonicMs())
    const here = next.name === row.name ? `; its name here stays ${row.name}` : ''
    audit.record(
      null,
      'device.rename',
      `device ${row.name}`,
      `the PC is now named ${reported}${here}`,
      { deviceId: id, data: { from: row.name, to: next.name, reported_name: reported } },
    )
  }

  return {
    /**
     * A PC that proved a valid code, or was approved after its digits were compared. The same key
     * means the same device: its row is restored. Call it inside the transaction that counts the
     * code's use. `enrollmentId` null: without a code.
     */
    enroll(input: {
      facts: AgentFacts
      publicKey: string
      ownerId: UserId | null
      enrollmentId: EnrollmentId | null
      address: string | null
    }): DeviceId {
      const known = repo.byKey(input.publicKey)
      const { facts } = input
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
            reported_name: facts.name,
            public_key: input.publicKey,
            platform: facts.platform,
            arch: facts.arch,
            os_version: facts.os_version,
            agent_version: facts.agent_version,
          }).id
      if (known) repo.update(id, row)
      followName(id, facts.name)
      deps.enrolled(id)
      repo.setFacts(id, facts, input.address, isoTime(deps.now()))
      return id
    },

    /**
     * Stores what an agent reports at the start of a link. Writes only changes; usually there are
     * none.
     */
    greet(id: DeviceId, hello: Hello, address: string | null): void {
      const row = repo.byId(id)
      if (!row) return
      const { facts } = hello
      const isNews =
        row.address !== address ||
        (['platform', 'arch', 'os_version', 'agent_version', 'free_disk_bytes'] as const).some(
          (key) => row[key] !== facts[key],
        )
      const damaged = hello.damaged ?? []
      const isRenamed = row.reported_name !== facts.name
      const isOld = !isNews && !isRenamed && hello.last_sequence <= row.last_sequence
      if (isOld && damaged.length === 0) return
      store.transaction(() => {
        followName(id, facts.name)
        if (
          damaged.length > 0 &&
          deps.clock.monotonicMs() - (lossReportedMs.get(id) ?? -Infinity) >= LOSS_EVERY_MS
        ) {
          lossReportedMs.set(id, deps.clock.monotonicMs())
          audit.record(null, 'device.records_lost', `device ${row.name}`, damageText(damaged), {
            deviceId: id,
          })
        }
        if (isNews) repo.setFacts(id, facts, address, isoTime(deps.now()))
        repo.raiseSequence(id, hello.last_sequence)
      })
      if (isRenamed) deps.notify({ id, what: 'updated' })
    },
    setFacts: (id: DeviceId, facts: AgentFacts, address: string | null): void => {
      if (repo.byId(id)?.reported_name !== facts.name)
        store.transaction(() => followName(id, facts.name))
      repo.setFacts(id, facts, address, isoTime(deps.now()))
      deps.notify({ id, what: 'updated' })
    },
  }
}
