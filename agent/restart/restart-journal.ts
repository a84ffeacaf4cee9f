/**
 * The orders to restart this PC and their outcome, one record per line. An order is on disk before it is
 * acted on; it names the boot that it ends, so even after a loss of this journal no order is carried out
 * twice.
 */
import { z } from 'zod'
import { BootId } from '#shared/contract/agent/restart.ts'
import { AnyParams } from '#shared/domain/coded-texts/codes.ts'
import { RestartId } from '#shared/domain/ids.ts'
import { examineRecords, type Damage } from '../journal/damage.ts'
import { createRecordFile, openRecordFile } from '../journal/record-file.ts'
import { errorText } from '../lib/atomic-file.ts'
import type { Log } from '../lib/log.ts'

const REWRITE_AFTER_BYTES = 256 * 1024
/** How many orders are remembered. */
const LIMIT = 100

const Known = z.object({
  id: RestartId,
  boot: BootId,
  /** Seconds since boot at the end of the notice, so that clock changes have no effect. */
  due_uptime: z.number(),
  step: z.enum([
    'ordered', // the platform may have received the command
    'announced',
    'called_off',
    'failed',
  ]),
  message: z.string(),
  /** Of the message. None in the records of earlier versions. */
  code: z.string().optional(),
  params: AnyParams.optional(),
})
export type KnownRestart = z.infer<typeof Known>
/** `high`: the highest sequence of an order or cancellation so far. */
const Line = z.object({ high: z.number().int().nonnegative(), restart: Known.nullable() })
type Line = z.infer<typeof Line>

export type RestartJournal = {
  highestSequence: () => number
  known: (id: RestartId) => KnownRestart | undefined
  all: () => KnownRestart[]
  /** Orders up to this one are old. On disk when it returns. */
  raiseSequence: (sequence: number) => void
  /** On disk when it returns; throws file system errors. */
  write: (restart: KnownRestart, sequence?: number) => void
  close: () => void
}

/** Creates the journal of a newly enrolled agent. If it is missing later, it was lost. */
export const createRestartJournal = (path: string): void =>
  createRecordFile(path, [{ high: 0, restart: null } satisfies Line])

/** Notes damage to it and keeps what is unreadable. Call it before opening the journal. */
export const examineRestartJournal = (path: string, damage: Damage): void =>
  examineRecords(path, damage, (records) => records.every((raw) => Line.safeParse(raw).success))

export function openRestartJournal(path: string, log: Log): RestartJournal {
  const { file, reading } = openRecordFile(path)
  const restarts = new Map<RestartId, KnownRestart>()
  let high = 0
  function apply({ high: sequence, restart }: Line): void {
    high = Math.max(high, sequence)
    if (!restart) return
    restarts.delete(restart.id)
    restarts.set(restart.id, restart)
    const oldest = restarts.keys().next()
    if (restarts.size > LIMIT && !oldest.done) restarts.delete(oldest.value)
  }
  for (const raw of reading.records) {
    const line = Line.safeParse(raw)
    if (line.success) apply(line.data)
  }
  if (reading.damaged) log.error({ file: path }, 'the journal of restarts is damaged')
  let isClosed = false
  let rewriteAtBytes = 0
  function tidy(): void {
    try {
      const lines: Line[] = [...restarts.values()].map((restart) => ({ high, restart }))
      file.rewrite([{ high, restart: null } satisfies Line, ...lines])
    } catch (error) {
      log.warn({ why: errorText(error) }, 'the journal of restarts could not be compacted')
    }
    rewriteAtBytes = file.sizeBytes() + REWRITE_AFTER_BYTES
  }
  tidy()
  function add(line: Line): void {
    // Its file descriptor may belong to another file by now.
    if (isClosed) throw new Error('the agent is stopping')
    file.append(line)
    apply(line)
    if (file.sizeBytes() >= rewriteAtBytes) tidy()
  }
  return {
    highestSequence: () => high,
    known: (id) => restarts.get(id),
    all: () => [...restarts.values()],
    write: (restart, sequence = 0) => add({ high: Math.max(high, sequence), restart }),
    raiseSequence(sequence) {
      if (sequence > high) add({ high: sequence, restart: null })
    },
    close() {
      isClosed = true
      file.close()
    },
  }
}
