/** The report of a deployment as an Excel workbook (.xlsx). */
import { join } from 'node:path'
import type { Clock } from '#shared/node/clock.ts'
import type { Target } from '#shared/contract/rest/deployments.ts'
import { AppError } from '#shared/contract/errors.ts'
import { createAskWorker, TooManyRequests } from '../../../base/ask-worker.ts'
import { REPORT_COLUMNS, reportRows, type ReportCell } from './report.ts'

/** Widths in characters. */
export type WorkbookQuestion = {
  sheet: string
  head: string[]
  rows: ReportCell[][]
  widths: number[]
}

const TIMEOUT_MS = 60_000
/** Workbooks that may wait in the queue. */
const WAITING_LIMIT = 10
const [NARROWEST, WIDEST] = [8, 60]

/** As wide as the longest text, within limits; times need 20. */
const widthOf = (head: string, cells: readonly ReportCell[]): number =>
  Math.min(
    WIDEST,
    Math.max(
      NARROWEST,
      head.length + 2,
      ...cells.map((cell) =>
        cell instanceof Date ? 20 : typeof cell === 'string' ? cell.length + 2 : 0,
      ),
    ),
  )

/** Rows sampled to choose the column widths. */
const SAMPLE = 1_000

export type Workbooks = ReturnType<typeof createWorkbooks>
/** @param workersDir the folder of the built workers; null: beside the sources */
export function createWorkbooks({
  workersDir,
  clock,
}: {
  workersDir: string | null
  clock: Pick<Clock, 'setTimer'>
}) {
  const worker = createAskWorker<WorkbookQuestion, Uint8Array>({
    file: workersDir
      ? join(workersDir, 'workbook.js')
      : join(import.meta.dirname, 'workbook-worker.ts'),
    data: null,
    timeoutMs: TIMEOUT_MS,
    limit: WAITING_LIMIT,
    clock,
  })

  return {
    /** @throws AppError E_RATE_LIMITED when too many are being written */
    async ofTargets(targets: readonly Target[]): Promise<Buffer> {
      const rows = reportRows(targets)
      // A time in a workbook has no zone, unlike one in a CSV file.
      const head = REPORT_COLUMNS.map((column) =>
        column.isTime ? `${column.head} (UTC)` : column.head,
      )
      const sample = rows.slice(0, SAMPLE)
      const widths = head.map((text, at) =>
        widthOf(
          text,
          sample.map((row) => row[at] ?? null),
        ),
      )
      try {
        return Buffer.from(await worker.ask({ sheet: 'Report', head, rows, widths }))
      } catch (cause) {
        if (!(cause instanceof TooManyRequests)) throw cause
        throw new AppError('E_RATE_LIMITED', 'Too many reports are being written. Try again.', [], {
          cause,
        })
      }
    },
    stop: worker.stop,
  }
}
