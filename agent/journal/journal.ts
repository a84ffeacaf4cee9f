/**
 * What the agent has accepted, and its progress. Every step is on disk before it is acted on; a command is
 * acknowledged only once it is stored here, and a result stays until the hub has acknowledged it.
 */
import type { DeploymentResult, DeployPayload } from '#shared/contract/agent/link.ts'
import type { AttemptId } from '#shared/domain/ids.ts'
import type { Log } from '../lib/log.ts'
import { examineRecords, type Damage } from './damage.ts'
import { createRecordFile, openRecordFile, readRecords } from './record-file.ts'
import {
  apply,
  emptyState,
  holdsSecrets,
  JournalRecord,
  summarize,
  type Attempt,
  type Before,
  type JournalState,
  type Step,
} from './records.ts'

/** The file is rewritten after growing by this much, and at every start. */
const REWRITE_AFTER_BYTES = 4 * 1024 * 1024

type WithoutHigh<R> = R extends JournalRecord ? Omit<R, 'high'> : never

export type Journal = {
  highestSequence: () => number
  attempt: (id: AttemptId) => Readonly<Attempt> | undefined
  /** Not ended yet, in the order of acceptance. */
  open: () => AttemptId[]
  /** Open, or ended and not acknowledged. */
  held: () => AttemptId[]
  /** The result of an attempt that is over and acknowledged. */
  done: (id: AttemptId) => DeploymentResult | undefined
  /** Each returns once it is on disk, and throws file system errors. */
  raiseSequence: (sequence: number) => void
  accept: (payload: DeployPayload) => void
  step: (id: AttemptId, step: Step, before?: Before | null) => void
  cancel: (id: AttemptId) => void
  end: (id: AttemptId, result: DeploymentResult) => void
  acknowledge: (id: AttemptId) => void
  close: () => void
}

function replay(records: readonly unknown[]): { state: JournalState; unreadable: number } {
  const state = emptyState()
  let unreadable = 0
  for (const raw of records) {
    const record = JournalRecord.safeParse(raw)
    if (record.success) apply(state, record.data)
    else unreadable++
  }
  return { state, unreadable }
}

/** The state on disk, read without changing it (for `status`). */
export const peekJournal = (file: string): JournalState => replay(readRecords(file).records).state

/** Whether this version understands all of it. */
export function isJournalReadable(file: string): boolean {
  const { records, damaged } = readRecords(file)
  return !damaged && isComplete(records)
}

const isComplete = (records: readonly unknown[]): boolean => replay(records).unreadable === 0

/** Creates the journal of a newly enrolled agent. If it is missing later, it was lost. */
export const createJournal = (path: string): void => createRecordFile(path, summarize(emptyState()))

/** Notes damage to the journal and keeps what is unreadable. Call it before opening the journal. */
export const examineJournal = (path: string, damage: Damage): void =>
  examineRecords(path, damage, isComplete)

/**
 * Opens the journal. If a record in its middle is unreadable, every open attempt counts as possibly started:
 * its result is then determined from the state of the PC, and nothing is run.
 */
export function openJournal(path: string, log: Log): Journal {
  const { file, reading } = openRecordFile(path)
  const { state, unreadable } = replay(reading.records)
  if (reading.damaged || unreadable > 0) {
    log.error({ file: path }, 'the journal is damaged; open attempts are treated as started')
    for (const attempt of state.attempts.values()) if (!attempt.result) attempt.step = 'installing'
  }
  let rewriteAtBytes = 0
  /** A secret that is no longer needed is still in the file. */
  let holdsOldSecret = false
  /** If it fails, the existing records stay valid. */
  function tidy(): void {
    try {
      file.rewrite(summarize(state))
      holdsOldSecret = false
    } catch (error) {
      log.warn({ err: error }, 'the journal could not be compacted')
    }
    rewriteAtBytes = file.sizeBytes() + REWRITE_AFTER_BYTES
  }
  tidy()

  function write(record: WithoutHigh<JournalRecord>, sequence = 0): void {
    const full = { ...record, high: Math.max(state.highest, sequence) }
    file.append(full)
    const before = 'id' in record ? state.attempts.get(record.id)?.payload : undefined
    apply(state, full)
    const after = 'id' in record ? state.attempts.get(record.id)?.payload : undefined
    if (before && before !== after && holdsSecrets(before)) holdsOldSecret = true
    if (holdsOldSecret || file.sizeBytes() >= rewriteAtBytes) tidy()
  }
  const entries = (): [AttemptId, Attempt][] => [...state.attempts]

  return {
    highestSequence: () => state.highest,
    attempt: (id) => state.attempts.get(id),
    open: () => entries().flatMap(([id, attempt]) => (attempt.result ? [] : [id])),
    held: () => [...state.attempts.keys()],
    done: (id) => state.done.get(id),
    raiseSequence: (sequence) => write({ t: 'sequence' }, sequence),
    accept: (payload) => write({ t: 'accepted', payload }, payload.sequence),
    step: (id, step, before = null) => write({ t: 'step', id, step, before }),
    cancel: (id) => write({ t: 'canceled', id }),
    end: (id, result) => write({ t: 'result', id, result }),
    acknowledge: (id) => write({ t: 'acknowledged', id }),
    close: () => file.close(),
  }
}
