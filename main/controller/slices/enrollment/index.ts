/** Enrolment codes that admit agents: short-lived, counted and stored as a hash. */
import { createHash } from 'node:crypto'
import {
  AGENT_PROTOCOL,
  enrollText,
  type EnrollReply,
  type EnrollRequest,
} from '#shared/contract/agent/link.ts'
import type { Enrollment } from '#shared/contract/rest/devices.ts'
import { AppError } from '#shared/contract/errors.ts'
import { formatEnrollmentCode } from '#shared/domain/enrollment-code.ts'
import type { EnrollmentId, GroupId, UserId } from '#shared/domain/ids.ts'
import type { RouteReply } from '#shared/contract/rest/routes.ts'
import type { Audit } from '../audit/index.ts'
import {
  isoTime,
  maySee,
  type Clock,
  type Now,
  type Random,
  type Viewer,
} from '../../base/context.ts'
import type { Devices } from '../devices/index.ts'
import type { Groups } from '../groups/index.ts'
import type { ControllerKeys } from '../identity/index.ts'
import type { AgentFiles } from '../../base/agent-files.ts'
import { createListeners } from '../../base/listeners.ts'
import { moveWithClock } from '../../store/moved-time.ts'
import type { Store } from '../../store/store.ts'
import { enrollmentCommands, type Commands } from './commands.ts'
import { createEnrollmentRepo, type EnrollmentRow } from './enrollment.repo.ts'
import { verifies } from './proof.ts'
import { enrollReply } from './reply.ts'

export {
  createPairing,
  type OpenPairing,
  type PairingService,
  type PairingTimings,
} from './pairing.ts'
export { verifies } from './proof.ts'

export type EnrollmentService = ReturnType<typeof createEnrollment>
const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex')

const toEnrollment = (row: EnrollmentRow, maker: string | null): Enrollment => ({
  id: row.id,
  max_uses: row.max_uses,
  uses: row.uses,
  expires_at: row.expires_at,
  created_at: row.created_at,
  created_by_name: row.created_by_name ?? maker,
  group_ids: row.group_ids,
  revoked: row.revoked_at !== null,
})

export function createEnrollment(deps: {
  store: Store
  now: Now
  clock: Clock
  random: Random
  audit: Audit
  devices: Devices
  groups: Groups
  /** The current keys. */
  keys: () => ControllerKeys
  /** HOST:PORT where agents may find the hub. */
  addresses: () => string[]
  agentFiles: AgentFiles
}) {
  const repo = createEnrollmentRepo(deps.store)
  const stop = moveWithClock(deps.clock, repo.moveExpiry)
  const changes = createListeners<EnrollmentId | 'all'>()
  const view = (row: EnrollmentRow): Enrollment =>
    toEnrollment(row, row.created_by === null ? null : repo.nameOf(row.created_by))

  return {
    create(
      viewer: Viewer,
      input: {
        max_uses: number
        ttl_minutes: number
        group_ids: GroupId[]
        addresses?: string[] | undefined
      },
    ): RouteReply<'enrollments.create'> {
      deps.groups.membersOf(input.group_ids, viewer) // only to check that they exist and the viewer may see them
      const secret = deps.random.bytes(16).toString('base64url')
      const expires_at = isoTime(deps.now() + input.ttl_minutes * 60_000)
      const row = deps.store.transaction(() => {
        const made = repo.insert({
          secret_hash: hashOf(secret),
          max_uses: input.max_uses,
          group_ids: input.group_ids,
          created_by: viewer.id,
          created_at: isoTime(deps.now()),
          expires_at,
        })
        deps.audit.record(
          viewer,
          'enrollment.create',
          `code ${made.id}`,
          `${input.max_uses} uses until ${expires_at}`,
        )
        return made
      })
      changes.emit(row.id)
      const addresses = input.addresses ?? deps.addresses()
      const { fingerprint } = deps.keys()
      const code = formatEnrollmentCode({ secret, fingerprint, addresses })
      const commands = enrollmentCommands(code, addresses, deps.agentFiles.of)
      return { id: row.id, code, expires_at, commands }
    },

    /** The commands for PCs that enrol without a code, by six digits on both screens. */
    digitCommands: (): Commands => enrollmentCommands(null, deps.addresses(), deps.agentFiles.of),

    /** The user's codes that still admit PCs. */
    openOf: (id: UserId): number => repo.countOpen(id, isoTime(deps.now())),
    /** For the removal of a user: their codes then enrol PCs for the new owner, or not at all. */
    transfer(from: UserId, to: UserId | null, name: string): void {
      repo.keepCreatorName(from, name)
      if (to === null) repo.revokeOf(from, isoTime(deps.now()))
      else repo.transfer(from, to)
    },

    list: (viewer: Viewer): Enrollment[] =>
      repo
        .list()
        .filter((row) => maySee(viewer, row.created_by))
        .map((row) => toEnrollment(row, row.maker)),

    /** Emitted after the commit; `all`: any of them may have changed. */
    onChange: changes.on,
    /** For the feed. */
    describe(id: EnrollmentId): { enrollment: Enrollment; ownerId: UserId | null } | null {
      const row = repo.byId(id)
      return row ? { enrollment: view(row), ownerId: row.created_by } : null
    },

    revoke(viewer: Viewer, id: EnrollmentId): void {
      const row = repo.byId(id)
      if (!row || !maySee(viewer, row.created_by))
        throw new AppError('E_NOT_FOUND', 'This code does not exist.')
      deps.store.transaction(() => {
        repo.revoke(id, isoTime(deps.now()))
        deps.audit.record(viewer, 'enrollment.revoke', `code ${id}`, '')
      })
      changes.emit(id)
    },

    /** Codes contain the hub's key: once it has changed, none of them works any more. */
    revokeAll(): void {
      deps.store.transaction(() => {
        const revoked = repo.revokeAll(isoTime(deps.now()))
        if (revoked > 0)
          deps.audit.record(null, 'enrollment.revoke', `${revoked} codes`, "the hub's key changed")
      })
      changes.emit('all')
    },

    /**
     * Admits an agent that sends a code's secret and proves that it holds its key.
     * @throws AppError E_ENROLLMENT_CODE (unknown, spent, expired, revoked), E_DEVICE_REFUSED
     * (blocked), E_VALIDATION
     */
    admit(request: EnrollRequest, remoteAddress: string): EnrollReply {
      if (request.protocol !== AGENT_PROTOCOL)
        throw new AppError(
          'E_VALIDATION',
          `The agent speaks protocol ${request.protocol}, this controller ${AGENT_PROTOCOL}. Use the agent that came with this controller.`,
        )
      const text = enrollText(deps.keys().fingerprint, request.secret, request.public_key)
      if (!verifies(request.public_key, text, request.signature))
        throw new AppError('E_DEVICE_REFUSED', 'The agent did not prove that it holds its key.')
      const deviceId = deps.store.transaction(() => {
        const known = repo.byHash(hashOf(request.secret))
        const used = known && repo.use(known.id, isoTime(deps.now()))
        if (!used)
          throw new AppError(
            'E_ENROLLMENT_CODE',
            known
              ? 'This code is used up, expired or revoked. Create a new one under PCs → Add PCs.'
              : 'This code is unknown here. Create a new one under PCs → Add PCs.',
          )
        const id = deps.devices.enroll({
          facts: request.facts,
          publicKey: request.public_key,
          ownerId: used.created_by,
          enrollmentId: used.id,
          address: remoteAddress,
        })
        deps.groups.addToGroups(used.group_ids, id)
        deps.audit.record(
          { id: null, username: 'system', address: remoteAddress },
          'device.enroll',
          `device ${request.facts.name}`,
          `code ${used.id}`,
          { deviceId: id },
        )
        return id
      })
      deps.devices.announce([deviceId])
      const code = deps.devices.row(deviceId)?.enrollment_id
      if (code) changes.emit(code)
      return enrollReply(deps.keys(), deviceId, deps.addresses())
    },
    stop,
  }
}
