/**
 * Sends an installer's output in pieces while it is written. The boundaries of each piece are stored before it
 * is sent, so a restarted agent cuts the output in the same places: no piece is lost, and none arrives under two
 * numbers. Of a long output, the first half of the limit is sent immediately, the last half at the end.
 */
import { z } from 'zod'
import type { Clock } from '#shared/node/clock.ts'
import type { Random } from '#shared/node/random.ts'
import { openRecordFile } from '../journal/record-file.ts'
import { createBackoff } from '../lib/wait.ts'
import type { Reporter } from '../link/reporter.ts'
import { attemptFiles } from '../supervisor/files.ts'
import { OUTPUT_HALF_BYTES } from '../supervisor/output-limit.ts'
import type { AttemptNames } from './names.ts'
import {
  BEFORE_BYTES,
  leftoverBytes,
  outputText,
  readRange,
  sizeOf,
  unfinishedBytes,
} from './output-file.ts'

const PIECE_BYTES = 32 * 1024
/** After this many unanswered or refused pieces in a row, the rest is not sent. */
const MAX_FAILURES = 5
const RETRY_MIN_MS = 500
const RETRY_MAX_MS = 5_000

/** `note` is a piece with the agent's own text; it represents no bytes of the file. */
const Piece = z.object({
  seq: z.number().int().positive(),
  from: z.number().int().nonnegative(),
  to: z.number().int().nonnegative(),
  note: z.string().optional(),
})
type Piece = z.infer<typeof Piece>
const Final = z.object({
  size: z.number().int().nonnegative(),
  omitted: z.number().int().nonnegative(),
})
type Final = z.infer<typeof Final>
const PieceRecord = z.union([
  z.object({ piece: Piece }),
  z.object({ acked: z.number().int() }),
  z.object({ final: Final }),
])

export type OutputStream = {
  /** Sends new output, unless a piece is in transit. Call it often. Never throws. */
  poll: () => void
  /** Nothing more will be written. `omittedBytes` were dropped from the middle of the file. */
  end: (omittedBytes: number) => void
  /**
   * Resolves when the hub has everything, or has not accepted it. @throws the signal's reason when it fires
   */
  drain: (signal: AbortSignal) => Promise<void>
  close: () => void
}

export function createOutputStream(
  folder: string,
  names: AttemptNames,
  { reporter, clock, random }: { reporter: Reporter; clock: Clock; random: Random },
): OutputStream {
  const { output, pieces: piecesFile } = attemptFiles(folder)
  const { file: records, reading } = openRecordFile(piecesFile, false)
  let waiting: Piece[] = []
  let lastSeq = 0
  let cutTo = 0
  let hasNote = false
  let final: Final | null = null
  for (const raw of reading.records) {
    const record = PieceRecord.safeParse(raw)
    if (!record.success) continue
    const entry = record.data
    if ('piece' in entry) {
      waiting.push(entry.piece)
      lastSeq = entry.piece.seq
      cutTo = entry.piece.to
      hasNote ||= entry.piece.note !== undefined
    } else if ('acked' in entry) waiting = waiting.filter((piece) => piece.seq > entry.acked)
    else final = entry.final
  }

  let inFlight: Promise<void> | null = null
  let failures = 0
  let notBefore = 0
  const backoff = createBackoff(random, RETRY_MIN_MS, RETRY_MAX_MS)

  function record(piece: Omit<Piece, 'seq'>): Piece {
    const full = { ...piece, seq: lastSeq + 1 }
    records.append({ piece: full })
    waiting.push(full)
    lastSeq = full.seq
    cutTo = full.to
    hasNote ||= full.note !== undefined
    return full
  }
  /** Cuts a piece up to `end` at a character boundary; `isLast`: no more bytes will follow. */
  function cut(end: number, isLast: boolean): Piece | null {
    const to = Math.min(cutTo + PIECE_BYTES, end)
    if (to <= cutTo) return null
    const hold = isLast && to === end ? 0 : unfinishedBytes(readRange(output, cutTo, to))
    return to - hold > cutTo ? record({ from: cutTo, to: to - hold }) : null
  }
  function nextPiece(): Piece | null {
    if (waiting[0]) return waiting[0]
    const size = final?.size ?? sizeOf(output)
    if (!final || size <= OUTPUT_HALF_BYTES)
      return cut(Math.min(size, OUTPUT_HALF_BYTES), final !== null)
    const tailFrom = Math.max(OUTPUT_HALF_BYTES, size - OUTPUT_HALF_BYTES)
    const leftOut = final.omitted + tailFrom - OUTPUT_HALF_BYTES
    if (leftOut === 0 || hasNote) return cut(size, true)
    const head = cut(OUTPUT_HALF_BYTES, false)
    if (head) return head
    const from = tailFrom + leftoverBytes(readRange(output, tailFrom, tailFrom + 3))
    const note = `\n[${leftOut} bytes of output are left out here]\n`
    return record({ from, to: from, note })
  }

  function textOf({ from, to }: Piece): string {
    const before = readRange(output, from - Math.min(from & ~1, BEFORE_BYTES), from)
    return outputText(readRange(output, from, to), before)
  }
  async function send(piece: Piece): Promise<void> {
    const text = piece.note ?? textOf(piece)
    try {
      const reply = await reporter.report('deployment_output', { ...names, seq: piece.seq, text })
      if (!reply.committed) throw new Error(reply.message ?? 'not committed')
      records.append({ acked: piece.seq })
      waiting = waiting.filter((other) => other !== piece)
      failures = 0
      backoff.reset()
    } catch {
      failures++
      notBefore = clock.monotonicMs() + backoff.nextMs()
    }
  }
  /** Whether there was something to send. */
  function advance(): boolean {
    const piece = nextPiece()
    if (!piece) return false
    inFlight = send(piece).finally(() => (inFlight = null))
    return true
  }

  return {
    poll() {
      if (inFlight || !reporter.isReady() || clock.monotonicMs() < notBefore) return
      try {
        advance()
      } catch {
        // Most likely a full disk: nothing was sent, so try again later.
        notBefore = clock.monotonicMs() + RETRY_MAX_MS
      }
    },
    end(omittedBytes) {
      if (final) return
      final = { size: sizeOf(output), omitted: omittedBytes }
      records.append({ final })
    },
    async drain(signal) {
      failures = 0
      for (;;) {
        await inFlight
        if (failures >= MAX_FAILURES) return
        await clock.sleep(notBefore - clock.monotonicMs(), signal)
        await reporter.whenReady(signal)
        if (!advance()) return
      }
    },
    close: () => records.close(),
  }
}
