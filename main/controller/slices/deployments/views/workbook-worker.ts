/** Writes a report as an Excel workbook in its own thread: ten thousand rows take a second, too long for the hub's thread. */
import { parentPort } from 'node:worker_threads'
import writeWorkbook, { type Cell } from 'write-excel-file/node'
import type { WorkerReply, WorkerRequest } from '../../../base/ask-worker.ts'
import type { ReportCell } from './report.ts'
import type { WorkbookQuestion } from './workbook.ts'

/** The most characters that fit into one Excel cell. */
const CELL_LIMIT = 32_767

/** Text stays text: a PC named 000457 or =1+1 is neither a number nor a formula. */
function cellOf(value: ReportCell): Cell {
  if (value === null) return null
  if (typeof value === 'number') return { value, type: Number }
  if (value instanceof Date) return { value, type: Date, format: 'yyyy-mm-dd hh:mm:ss' }
  return { value: value.slice(0, CELL_LIMIT), type: String, format: '@' }
}

async function write({ sheet, head, rows, widths }: WorkbookQuestion): Promise<Uint8Array> {
  const heads = head.map((value): Cell => ({ value, type: String, fontWeight: 'bold' }))
  return await writeWorkbook([heads, ...rows.map((row) => row.map(cellOf))], {
    sheet,
    columns: widths.map((width) => ({ width })),
    stickyRowsCount: 1,
  }).toBuffer()
}

parentPort!.on('message', ({ id, question }: WorkerRequest<WorkbookQuestion>) => {
  const answer = (reply: WorkerReply<Uint8Array>): void => parentPort!.postMessage(reply)
  write(question).then(
    (bytes) => answer({ id, answer: bytes }),
    (error: unknown) =>
      answer({ id, error: error instanceof Error ? error.message : String(error) }),
  )
})
