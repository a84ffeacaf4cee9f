/** The accepted update order and its progress. The steps are pure; `update.json` stores them. */
import { z } from 'zod'
import { ROLLBACK_LIMIT, UpdatePayload } from '#shared/contract/agent/update.ts'
import type { SelfUpdateFacts } from '#shared/contract/agent/update.ts'
import type { Damage } from '../journal/damage.ts'
import { readJson, writeDurably } from '../lib/atomic-file.ts'
import { setAside } from '../lib/set-aside.ts'

/** After being resumed this often, each time by an agent that then ended, an order is abandoned. */
export const RESUME_LIMIT = 5
const REMEMBERED = 20

const Order = UpdatePayload.omit({ issued_at: true, device_id: true })
export type Order = z.infer<typeof Order>
const Last = z.object({
  sequence: z.number().int().nonnegative(),
  version: z.string(),
  state: z.enum(['done', 'failed']),
  message: z.string().max(500),
})
export const UpdateRecord = z.object({
  /** The order in progress. */
  order: Order.nullable(),
  /** The version that accepted it. */
  from: z.string(),
  /**
   * `swapping`: from just before the first file is touched until the new version is confirmed or rolled back.
   */
  phase: z.enum(['idle', 'fetching', 'swapping']),
  resumes: z.number().int().nonnegative(),
  last: Last.nullable(),
  taken_back: z.array(z.object({ version: z.string(), times: z.number().int() })).max(REMEMBERED),
})
export type UpdateRecord = z.infer<typeof UpdateRecord>

export const NO_UPDATE: UpdateRecord = {
  order: null,
  from: '',
  phase: 'idle',
  resumes: 0,
  last: null,
  taken_back: [],
}

export const accepted = (record: UpdateRecord, order: Order, from: string): UpdateRecord => ({
  ...record,
  order,
  from,
  phase: 'fetching',
  resumes: 0,
})
export const resumed = (record: UpdateRecord): UpdateRecord => ({
  ...record,
  resumes: record.resumes + 1,
})
export const swapping = (record: UpdateRecord): UpdateRecord => ({ ...record, phase: 'swapping' })

const ended = (record: UpdateRecord, state: 'done' | 'failed', message: string): UpdateRecord => {
  const { order } = record
  const last = order
    ? { sequence: order.sequence, version: order.version, state, message: message.slice(0, 500) }
    : record.last
  return { ...record, order: null, phase: 'idle', resumes: 0, last }
}
export const failed = (record: UpdateRecord, message: string): UpdateRecord =>
  ended(record, 'failed', message)
export const done = (record: UpdateRecord): UpdateRecord => ended(record, 'done', '')

/** The new executable was in place, and has been rolled back. */
export function rolledBack(record: UpdateRecord, message: string): UpdateRecord {
  const version = record.order?.version
  if (version === undefined) return record
  const others = record.taken_back.filter((entry) => entry.version !== version)
  return {
    ...failed(record, message),
    taken_back: [...others, { version, times: rollbackCount(record, version) + 1 }].slice(
      -REMEMBERED,
    ),
  }
}
export const rollbackCount = (record: UpdateRecord, version: string): number =>
  record.taken_back.find((entry) => entry.version === version)?.times ?? 0
export const isBarred = (record: UpdateRecord, version: string): boolean =>
  rollbackCount(record, version) >= ROLLBACK_LIMIT

/** Messages for the words that start-script.ts and helper.c leave behind. */
function reasonOf(verdict: string | null, version: string): string {
  switch (verdict?.trim()) {
    case 'starts':
      return `Version ${version} did not keep running on this PC. The previous version was restored.`
    case 'link':
      return `Version ${version} did not reach the controller in time. The previous version was restored.`
    default:
      return `The change to version ${version} was interrupted. The previous version was restored.`
  }
}

/**
 * The state at a start. If the version of the order is running, it stays on trial; any other running version
 * means that it was rolled back. @param verdict the reason stored by the rollback, or null
 */
export function atStart(record: UpdateRecord, own: string, verdict: string | null): UpdateRecord {
  const { order, phase } = record
  if (!order || phase === 'idle') return record
  if (order.version === own)
    // Somebody installed that very version by hand during the download.
    return phase === 'swapping' ? record : done(record)
  if (phase === 'swapping') return rolledBack(record, reasonOf(verdict, order.version))
  return record.resumes >= RESUME_LIMIT
    ? failed(record, `The agent ended ${RESUME_LIMIT} times while it prepared this update.`)
    : resumed(record)
}

export function factsOf(record: UpdateRecord, obstacle: string | null): SelfUpdateFacts {
  const { order } = record
  if (!order) return { obstacle, last: record.last }
  const { sequence, version } = order
  return { obstacle, last: { sequence, version, state: 'working', message: '' } }
}

export type RecordFile = {
  get: () => UpdateRecord
  /** On disk when it returns. Throws file system errors. */
  set: (next: UpdateRecord) => void
}

/**
 * An unreadable file is noted, set aside, and treated as missing: the files next to the executable tell
 * whether a trial is in progress. A missing file is normal: it is created with the first order.
 */
export function openRecordFile(file: string, damage: Pick<Damage, 'note'>): RecordFile {
  const raw = readJson(file)
  const read = UpdateRecord.safeParse(raw)
  if (raw !== undefined && !read.success) {
    damage.note(file, 'unreadable')
    setAside(file)
  }
  let present = read.success ? read.data : NO_UPDATE
  return {
    get: () => present,
    set(next) {
      if (next === present) return
      writeDurably(file, JSON.stringify(next))
      present = next
    },
  }
}
