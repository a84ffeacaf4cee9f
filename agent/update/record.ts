/** The accepted update order and its progress. The steps are pure; `update.json` stores them. */
import { z } from 'zod'
import { ROLLBACK_LIMIT, UpdatePayload } from '#shared/contract/agent/update.ts'
import type { SelfUpdateFacts } from '#shared/contract/agent/update.ts'
import { AnyParams, coded, type CodedText } from '#shared/domain/coded-texts/codes.ts'
import { compose } from '#shared/domain/coded-texts/compose.ts'
import type { Damage } from '../journal/damage.ts'
import { readJson, writeDurably } from '../lib/atomic-file.ts'
import { setAside } from '../lib/set-aside.ts'

/** After being resumed this often, each time by an agent that then ended, an order is abandoned. */
export const RESUME_LIMIT = 5
const REMEMBERED = 20
const MESSAGE_LIMIT = 500
/** What the hub accepts (contract/agent/update.ts). */
const OBSTACLE_MAX = 300

const Order = UpdatePayload.omit({ issued_at: true, device_id: true })
export type Order = z.infer<typeof Order>
const Last = z.object({
  sequence: z.number().int().nonnegative(),
  version: z.string(),
  state: z.enum(['done', 'failed']),
  message: z.string().max(MESSAGE_LIMIT),
  /** Of the message. None in the records of earlier versions. */
  code: z.string().optional(),
  params: AnyParams.optional(),
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

const ended = (
  record: UpdateRecord,
  outcome: Omit<z.infer<typeof Last>, 'sequence' | 'version'>,
): UpdateRecord => {
  const { order } = record
  const last = order
    ? { sequence: order.sequence, version: order.version, ...outcome }
    : record.last
  return { ...record, order: null, phase: 'idle', resumes: 0, last }
}
export const failed = (record: UpdateRecord, text: CodedText): UpdateRecord =>
  ended(record, { state: 'failed', message: compose(text).slice(0, MESSAGE_LIMIT), ...text })
export const done = (record: UpdateRecord): UpdateRecord =>
  ended(record, { state: 'done', message: '' })

/** The new executable was in place, and has been rolled back. */
export function rolledBack(record: UpdateRecord, text: CodedText): UpdateRecord {
  const version = record.order?.version
  if (version === undefined) return record
  const others = record.taken_back.filter((entry) => entry.version !== version)
  return {
    ...failed(record, text),
    taken_back: [...others, { version, times: rollbackCount(record, version) + 1 }].slice(
      -REMEMBERED,
    ),
  }
}
export const rollbackCount = (record: UpdateRecord, version: string): number =>
  record.taken_back.find((entry) => entry.version === version)?.times ?? 0
export const isBarred = (record: UpdateRecord, version: string): boolean =>
  rollbackCount(record, version) >= ROLLBACK_LIMIT

/** Texts for the words that start-script.ts and helper.c leave behind. */
function reasonOf(verdict: string | null, version: string): CodedText {
  switch (verdict?.trim()) {
    case 'starts':
      return coded('update_not_running', { version })
    case 'link':
      return coded('update_not_linked', { version })
    default:
      return coded('update_interrupted', { version })
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
    ? failed(record, coded('update_agent_ended', { times: RESUME_LIMIT }))
    : resumed(record)
}

export function factsOf(record: UpdateRecord, obstacle: CodedText | null): SelfUpdateFacts {
  const { order } = record
  const own = {
    obstacle: obstacle && compose(obstacle).slice(0, OBSTACLE_MAX),
    ...(obstacle && { obstacle_code: obstacle.code, obstacle_params: obstacle.params }),
  }
  if (!order) return { ...own, last: record.last }
  const { sequence, version } = order
  return { ...own, last: { sequence, version, state: 'working', message: '' } }
}

export type RecordFile = {
  get: () => UpdateRecord
  /** On disk when it returns. Throws file system errors. */
  set: (next: UpdateRecord) => void
}

/**
 * An unreadable file is noted, set aside, and treated as missing: the files next to the executable show
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
