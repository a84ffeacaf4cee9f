/** The outcome of each order: kept in the store, and in memory for quick look-ups. */
import type { AgentFacts, CommandReply } from '#shared/contract/agent/link.ts'
import { coded } from '#shared/domain/coded-texts/codes.ts'
import { ACK_TIMEOUT_MS } from '#shared/domain/defaults.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import type { Audit } from '../audit/index.ts'
import { EMPTY_NOTE, noteOf, reportedNote, type Note } from '../../base/coded-note.ts'
import type { Now, Viewer } from '../../base/context.ts'
import type { Devices } from '../devices/index.ts'
import type { AgentOffer } from '../../base/agent-files.ts'
import type { Store } from '../../store/store.ts'
import { createAgentUpdatesRepo, type UpdateRow } from './agent-updates.repo.ts'
import type { UpdateKnowledge } from './knowledge.ts'
import { TRIES_LIMIT } from './plan.ts'
import type { UpdateTimings } from './timings.ts'

export type Outcomes = ReturnType<typeof createOutcomes>

const NOT_ANSWERED = noteOf(coded('update_not_answered', {}))
const NOT_REPORTED = noteOf(coded('update_not_reported', {}))

export function createOutcomes(deps: {
  store: Store
  now: Now
  audit: Audit
  devices: Devices
  knowledge: Pick<UpdateKnowledge, 'rows'>
  timings: UpdateTimings
  /** Called after a change: other orders may be due now. */
  changed: () => void
  /** Called inside the transaction that stores a failure. */
  onFailure: () => void
}) {
  const { store, devices, audit, timings } = deps
  const repo = createAgentUpdatesRepo(store)
  const { rows } = deps.knowledge
  const nameOf = (id: DeviceId): string => `device ${devices.row(id)?.name ?? id}`

  /** Call it inside a transaction. */
  function put(row: UpdateRow): void {
    repo.put(row)
    rows.set(row.device_id, row)
  }
  function change(id: DeviceId, part: Partial<UpdateRow>, then?: () => void): void {
    const row = rows.get(id)
    if (!row) return
    store.transaction(() => {
      put({ ...row, ...part, changed_at_ms: deps.now() })
      then?.()
    })
    devices.announce([id])
    deps.changed()
  }
  const done = (id: DeviceId, version: string): void =>
    change(id, { state: 'done', ...EMPTY_NOTE }, () =>
      audit.record(null, 'device.agent_updated', nameOf(id), `now version ${version}`, {
        deviceId: id,
      }),
    )
  function failed(id: DeviceId, note: Note, isFinal: boolean): void {
    const version = rows.get(id)?.version
    const more = {
      state: 'failed' as const,
      ...note,
      not_before_ms: deps.now() + timings.retryMs,
      ...(isFinal && { tries: TRIES_LIMIT }),
    }
    change(id, more, () => {
      const details = `to version ${version}: ${note.message}`
      audit.record(null, 'device.agent_update_failed', nameOf(id), details, { deviceId: id })
      deps.onFailure()
    })
  }

  /** @param reply null: none arrived */
  function answered(id: DeviceId, sequence: number, reply: CommandReply | null): void {
    const row = rows.get(id)
    if (row?.sequence !== sequence || row.state !== 'ordered') return
    if (reply?.accepted) return change(id, { state: 'accepted' })
    const not_before_ms = deps.now() + timings.askAgainMs
    if (reply === null) {
      if (row.tries >= TRIES_LIMIT) return failed(id, NOT_ANSWERED, true)
      return change(id, { state: 'waiting', not_before_ms })
    }
    if (reply.why === 'busy' || reply.why === 'replayed')
      // Nothing has been tried.
      return change(id, { state: 'waiting', tries: row.tries - 1, not_before_ms })
    failed(id, reportedNote(reply), true)
  }

  return {
    rows: rows as ReadonlyMap<DeviceId, UpdateRow>,
    answered,

    /** Stores an order before it is sent. @returns its sequence */
    begin: (id: DeviceId, { version }: AgentOffer, viewer: Viewer | null): number =>
      store.transaction(() => {
        const before = rows.get(id)
        // A user's request starts the count again.
        const isNextTry = before?.version === version && viewer === null
        const sequence = devices.takeSequence(id)
        put({
          device_id: id,
          version,
          sequence,
          state: 'ordered',
          ...EMPTY_NOTE,
          tries: isNextTry ? before.tries + 1 : 1,
          changed_at_ms: deps.now(),
          not_before_ms: 0,
        })
        const from = devices.row(id)?.agent_version ?? 'an unknown one'
        audit.record(viewer, 'device.update_agent', nameOf(id), `from ${from} to ${version}`, {
          deviceId: id,
        })
        return sequence
      }),

    /** What an agent reports about its last order. */
    noteFacts(id: DeviceId, { self_update: own, agent_version: version }: AgentFacts): void {
      const row = rows.get(id)
      const last = own?.last
      if (!row || !last || last.sequence !== row.sequence || last.version !== row.version) return
      if (last.state === 'done' && version === row.version && row.state !== 'done')
        done(id, version)
      if (last.state === 'failed' && row.state !== 'failed') failed(id, reportedNote(last), false)
      if (last.state === 'working' && (row.state === 'ordered' || row.state === 'waiting'))
        change(id, { state: 'accepted' })
    },

    /**
     * The clock was set, or the controller was suspended: shift the deadlines so that the remaining
     * time stays the same.
     */
    shift(byMs: number): void {
      store.transaction(() => {
        for (const row of [...rows.values()])
          if (row.state !== 'done')
            put({
              ...row,
              changed_at_ms: row.changed_at_ms + byMs,
              not_before_ms: row.not_before_ms + byMs,
            })
      })
    },

    /** Orders without any report since. */
    expire(): void {
      const now = deps.now()
      for (const { device_id: id, state, version, changed_at_ms, sequence } of [...rows.values()]) {
        if (state === 'ordered' && now - changed_at_ms > 2 * ACK_TIMEOUT_MS)
          answered(id, sequence, null)
        if (state !== 'accepted' || now - changed_at_ms <= timings.resultMs) continue
        if (devices.row(id)?.agent_version === version) done(id, version)
        else failed(id, NOT_REPORTED, false)
      }
    },
  }
}
