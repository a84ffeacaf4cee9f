/** Writes entries, each chained to the one before it. Refused requests are bounded. */
import { createHash } from 'node:crypto'
import type { AuditOutcome } from '#shared/contract/rest/audit.ts'
import type { AuditAction } from '#shared/domain/audit-actions.ts'
import type { DeploymentId, DeviceId, UserId } from '#shared/domain/ids.ts'
import { replaceMisleading, replaceMisleadingInLines } from '#shared/domain/plain-text.ts'
import { isoTime, type Now } from '../../base/context.ts'
import type { TickerTime } from '../../base/ticker.ts'
import { storageFailure } from '../../store/failures.ts'
import type { Store } from '../../store/store.ts'
import type { AuditRepo } from './audit.repo.ts'
import { ENTRY_FORMAT, entryHash } from './chain.ts'
import { createRefusalLimit } from './refusals.ts'

const DATA_LIMIT = 256 * 1024

/** Who did it: a user, or somebody without an account (`id` null). */
export type Actor = { id: UserId | null; username: string; address?: string | undefined }
/** An unauthenticated client. */
export const unknownActor = (address: string): Actor => ({ id: null, username: 'unknown', address })

export type EntryMore = {
  outcome?: AuditOutcome
  deviceId?: DeviceId
  deploymentId?: DeploymentId
  /** For programs; must be plain JSON. */
  data?: Record<string, unknown>
}

/** The JSON of an entry's data: bounded, but never truncated in the middle. */
function dataText(data: Record<string, unknown> | undefined): string | null {
  if (data === undefined) return null
  const text = JSON.stringify(data)
  if (text.length <= DATA_LIMIT) return text
  const sha256 = createHash('sha256').update(text).digest('hex')
  return JSON.stringify({ too_long: text.length, sha256 })
}

export function createRecording(deps: {
  store: Store
  repo: AuditRepo
  now: Now
  clock: TickerTime
}) {
  const { repo } = deps

  /** Call it inside the transaction of the recorded action. `actor` null: the controller itself. */
  function record(
    actor: Actor | null,
    action: AuditAction,
    subject: string,
    details: string,
    more: EntryMore = {},
  ): void {
    const entry = {
      at: isoTime(deps.now()),
      actor_id: actor?.id ?? null,
      actor: replaceMisleading(actor?.username ?? 'system'),
      action,
      subject: replaceMisleading(subject).slice(0, 500),
      details: replaceMisleadingInLines(details).slice(0, 4000),
      format: ENTRY_FORMAT,
      address: (actor?.address && replaceMisleading(actor.address).slice(0, 64)) ?? null,
      outcome: more.outcome ?? ('done' as const),
      device_id: more.deviceId ?? null,
      deployment_id: more.deploymentId ?? null,
      data: dataText(more.data),
    }
    const last = repo.last()
    const hash = entryHash(last?.hash ?? '', entry)
    repo.insert({ ...entry, hash, previous: last ? last.hash : '' })
  }

  /** What no transaction of the caller contains. */
  const recordAlone = (...entry: Parameters<typeof record>): void =>
    deps.store.transaction(() => record(...entry))

  const refusals = createRefusalLimit({
    clock: deps.clock,
    leftOut: (address, count) =>
      recordAlone(
        address === null ? null : unknownActor(address),
        'access.refused',
        address === null ? 'many addresses' : `address ${address}`,
        `${count} more refused requests within ten minutes, not recorded individually`,
        { outcome: 'refused', data: { left_out: count } },
      ),
  })

  /** Records a refused request or sign-in. Bounded: the excess is only counted. */
  function refused(
    actor: Actor & { address: string },
    action: 'access.refused' | 'user.login_failed',
    subject: string,
    details: string,
  ): void {
    try {
      if (refusals.mayWrite(actor.address))
        recordAlone(actor, action, subject, details, { outcome: 'refused' })
    } catch (error) {
      // The refusal stands even if it cannot be recorded now: it is counted with the skipped
      // ones.
      if (!storageFailure(error)) throw error
      refusals.notWritten(actor.address)
    }
  }

  return {
    record,
    recordAlone,
    refused,
    /** Records the refusals that were only counted so far. */
    flushRefusals: refusals.flush,
  }
}
