/** What the agent has promised about its next version, and how far that has come. The steps are pure; `update.json` keeps them. */
import { z } from 'zod'
import { ROLLBACK_LIMIT, UpdatePayload } from '#shared/contract/agent-update.ts'
import type { SelfUpdateFacts } from '#shared/contract/agent-update.ts'
import type { Damage } from '../journal/damage.ts'
import { readJson, writeDurably } from '../lib/atomic-file.ts'
import { setAside } from '../lib/set-aside.ts'

/** An order that was taken up so often, each time by an agent that then ended, is given up. */
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
  /** The order that is being carried out. */
  order: Order.nullable(),
  /** The version that accepted it. */
  from: z.string(),
  /** `swapping`: from the moment before the first file is touched until the new version is proven, or taken back. */
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

/** The executable of the order was in its place, and is so no more. */
export function takenBack(record: UpdateRecord, message: string): UpdateRecord {
  const version = record.order?.version
  if (version === undefined) return record
  const others = record.taken_back.filter((entry) => entry.version !== version)
  return {
    ...failed(record, message),
    taken_back: [...others, { version, times: timesTakenBack(record, version) + 1 }].slice(
      -REMEMBERED,
    ),
  }
}
export const timesTakenBack = (record: UpdateRecord, version: string): number =>
  record.taken_back.find((entry) => entry.version === version)?.times ?? 0
export const isBarred = (record: UpdateRecord, version: string): boolean =>
  timesTakenBack(record, version) >= ROLLBACK_LIMIT

/** Words for what start-script.ts and helper.c leave behind. */
function reasonOf(verdict: string | null, version: string): string {
  switch (verdict?.trim()) {
    case 'starts':
      return `Version ${version} did not stay up on this PC. The one before it is back.`
    case 'link':
      return `Version ${version} did not reach the controller in time. The one before it is back.`
    default:
      return `The change to version ${version} was interrupted. The one before it is back.`
  }
}

/**
 * What a start finds. The version of the order stays on trial; any other program that runs here means that it was taken back.
 * @param verdict what the taker-back wrote, or null
 */
export function atStart(record: UpdateRecord, own: string, verdict: string | null): UpdateRecord {
  const { order, phase } = record
  if (!order || phase === 'idle') return record
  if (order.version === own)
    // Somebody installed that very version by hand while it was being fetched.
    return phase === 'swapping' ? record : done(record)
  if (phase === 'swapping') return takenBack(record, reasonOf(verdict, order.version))
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
  /** Returns when it is on disk. Throws what the file system says. */
  set: (next: UpdateRecord) => void
}

/**
 * A file that cannot be read is noted, set aside, and counts as none: whether a trial is on is told by the files beside the
 * executable. None is normal: it is made with the first order.
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
