/**
 * What hostile uploads cost the hub: the longest pause of its event loop while each file is received and
 * inspected, compared with the idle loop of the same run; the time until the answer; and the additional
 * memory.
 */
import { performance } from 'node:perf_hooks'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '#shared/node/clock.ts'
import { AppError } from '#shared/contract/errors.ts'
import { createInspection } from '../main/controller/slices/inspection/index.ts'
import { hostileFiles, type HostileFile } from '../main/controller/test-kit/hostile-files.ts'
import { openLibrary } from '../main/controller/test-kit/library.ts'
import { TEST_WORKERS_DIR } from '../main/controller/test-kit/workers.ts'
import { watchStalls } from './stalls.ts'

const IDLE_MS = 3_000
/** Unpacked size of the compressed files: this size once blocked the hub for 6 s. */
const BOMB_MIB = 1_024
const SAMPLE_MS = 20
const MIB = 1024 * 1024

type Row = {
  file: string
  what: string
  bytes: number
  /** E_… or `taken`. */
  answer: string
  answer_ms: number
  pause_ms: number
  memory_mib: number
}
export type UploadsReport = {
  idle_pause_ms: number
  worst_pause_ms: number
  worst_answer_ms: number
  worst_memory_mib: number
  files: Row[]
}

const round = (value: number): number => Math.round(value * 10) / 10

export async function uploads(): Promise<UploadsReport> {
  const files = await hostileFiles(BOMB_MIB)
  const inspection = createInspection({
    workersDir: TEST_WORKERS_DIR,
    clock: systemClock,
    log: { error: (what: object) => process.stderr.write(`${JSON.stringify(what)}\n`) },
  })
  const library = openLibrary({ inspection })
  const viewer = library.addUser('bench', 'technician')

  async function upload({ name, what, bytes }: HostileFile): Promise<Row> {
    // In chunks, as a socket delivers them.
    const pieces = Array.from({ length: Math.ceil(bytes.length / 65_536) }, (_, i) =>
      bytes.subarray(i * 65_536, (i + 1) * 65_536),
    )
    const beforeBytes = process.memoryUsage.rss()
    let peakBytes = beforeBytes
    const sampling = setInterval(() => {
      peakBytes = Math.max(peakBytes, process.memoryUsage.rss())
    }, SAMPLE_MS)
    const stop = watchStalls()
    const startMs = performance.now()
    const answer = await library.software
      .receive({ fileName: name, stream: Readable.from(pieces) })
      .then((received) => library.software.create(viewer, received, { platform: 'linux' }))
      .then(
        () => 'taken',
        (error: unknown) => (error instanceof AppError ? error.code : String(error)),
      )
    const answerMs = performance.now() - startMs
    const { longestMs } = stop()
    clearInterval(sampling)
    return {
      file: name,
      what,
      bytes: bytes.length,
      answer,
      answer_ms: round(answerMs),
      pause_ms: round(longestMs),
      memory_mib: round((peakBytes - beforeBytes) / MIB),
    }
  }

  try {
    // Warm-up: loads and compiles the code and starts the worker.
    await upload({ name: 'warm.sh', what: '', bytes: Buffer.from('exit 0\n') })
    const idle = watchStalls()
    await sleep(IDLE_MS)
    const idleMs = idle().longestMs
    const rows: Row[] = []
    for (const file of files) rows.push(await upload(file))
    const worst = (field: 'pause_ms' | 'answer_ms' | 'memory_mib'): number =>
      Math.max(...rows.map((row) => row[field]))
    return {
      idle_pause_ms: round(idleMs),
      worst_pause_ms: worst('pause_ms'),
      worst_answer_ms: worst('answer_ms'),
      worst_memory_mib: worst('memory_mib'),
      files: rows,
    }
  } finally {
    await inspection.stop()
    await library.close()
  }
}

export function printUploads(report: UploadsReport): string {
  const rows = [
    ['file', 'what', 'KiB', 'answer', 'after ms', 'pause ms', 'MiB'],
    ...report.files.map((row) => [
      row.file,
      row.what,
      String(Math.round(row.bytes / 1024)),
      row.answer,
      String(row.answer_ms),
      String(row.pause_ms),
      String(row.memory_mib),
    ]),
  ]
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)))
  return [
    'uploads: files that are made to stop their reader',
    ...rows.map((row) => row.map((cell, i) => cell.padEnd(widths[i]!)).join('  ')),
    `longest pause of the loop: ${report.worst_pause_ms} ms (idle: ${report.idle_pause_ms} ms)`,
    `latest answer: ${report.worst_answer_ms} ms; most memory on top: ${report.worst_memory_mib} MiB`,
  ].join('\n')
}
