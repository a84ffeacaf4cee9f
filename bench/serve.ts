/**
 * Package downloads over HTTPS: the content store compared with nginx (one worker, sendfile), with the same
 * file, key, protocol and client, alternating within one run. Three processes: the store, nginx, and the
 * downloaders. `together`: all downloaders read the file from its start, as they do when a deployment begins;
 * the store reads each block once for all. `apart`: each starts at a different offset, so that nearly every
 * block is read for one downloader only.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import type { HubNote, HubOrder } from './serve-hub.ts'
import { startNginx, type Nginx } from './serve-nginx.ts'
import type { Piece, SinkNote, SinkOrder } from './serve-sink.ts'
import { median, printTable, type BenchTable } from './table.ts'

export type ServeOptions = {
  /** Size of the file. */
  fileMib: number
  /** Numbers of downloaders. */
  downloaders: number[]
  /** Complete downloads per round, shared among its downloaders; each makes at least one. */
  files: number
  /** Rounds per case; the median counts. */
  runs: number
}
export const SERVE_OPTIONS: ServeOptions = { fileMib: 256, downloaders: [8, 32], files: 8, runs: 3 }

const MIB = 1024 ** 2
const GIB = 1024 ** 3
const LIMIT_MS = 300_000

type Sample = { bytesPerSecond: number; cpuMsPerGib: number }
type Case = { name: string; plans: Piece[][] }

function ask<Order extends object, Note>(child: ChildProcess, order: Order): Promise<Note> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void) => {
      clearTimeout(timer)
      child.off('message', onMessage)
      child.off('exit', onExit)
      settle()
    }
    const onMessage = (note: Note) => end(() => resolve(note))
    const onExit = (code: number | null) =>
      end(() => reject(new Error(`a process of the benchmark ended with ${code}`)))
    const timer = setTimeout(
      () => end(() => reject(new Error('a process of the benchmark did not answer in time'))),
      LIMIT_MS,
    )
    child.once('message', onMessage)
    child.once('exit', onExit)
    child.send(order)
  })
}

const start = (file: string): ChildProcess =>
  fork(join(import.meta.dirname, file), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })

/**
 * What each downloader requests: the file from its start, or from its own offset and then the part before it.
 */
function casesOf({ fileMib, downloaders, files }: ServeOptions): Case[] {
  const last = fileMib * MIB - 1
  return downloaders.flatMap((count) => {
    const times = Math.max(1, Math.round(files / count))
    const repeat = (pieces: Piece[]) => Array.from({ length: times }, () => pieces).flat()
    const each = (plan: (i: number) => Piece[]) =>
      Array.from({ length: count }, (_, i) => repeat(plan(i)))
    return [
      { name: `${count} downloaders, together`, plans: each(() => [{ from: 0, to: last }]) },
      {
        name: `${count} downloaders, apart`,
        plans: each((i) => {
          const from = Math.floor((i * fileMib) / count) * MIB
          const rest = from === 0 ? [] : [{ from: 0, to: from - 1 }]
          return [{ from, to: last }, ...rest]
        }),
      },
    ]
  })
}

/** @throws Error with one line if nginx is not available */
export async function serve(given: Partial<ServeOptions> = {}): Promise<BenchTable> {
  const options = { ...SERVE_OPTIONS, ...given }
  const hub = start('serve-hub.ts')
  const sink = start('serve-sink.ts')
  let nginx: Nginx | null = null
  try {
    const up = await ask<HubOrder, HubNote>(hub, { do: 'start', fileBytes: options.fileMib * MIB })
    if (up.done !== 'start') throw new Error('unexpected answer of the store')
    nginx = await startNginx(up)
    const reference = nginx
    const usage = async () => {
      const note = await ask<HubOrder, HubNote>(hub, { do: 'usage' })
      if (note.done !== 'usage') throw new Error('unexpected answer of the store')
      return note
    }
    const measure = async (
      port: number,
      plans: Piece[][],
      cpuMs: () => Promise<number>,
    ): Promise<Sample> => {
      const before = await cpuMs()
      const { cert, path } = up
      const note = await ask<SinkOrder, SinkNote>(sink, { do: 'download', port, cert, path, plans })
      if ('error' in note) throw new Error(note.error)
      const spent = (await cpuMs()) - before
      return {
        bytesPerSecond: (note.bytes * 1000) / note.ms,
        cpuMsPerGib: (spent * GIB) / note.bytes,
      }
    }
    let largestRss = 0
    const loopP90Ms: number[] = []
    const oursNow = (plans: Piece[][]) =>
      measure(up.port, plans, async () => {
        const note = await usage()
        largestRss = Math.max(largestRss, note.rssBytes)
        loopP90Ms.push(note.loopP90Ms)
        return note.cpuMs
      })
    const theirsNow = (plans: Piece[][]) =>
      measure(reference.port, plans, async () => reference.cpuMs())

    const rows: BenchTable['rows'] = []
    const warm: Piece[][] = [[{ from: 0, to: options.fileMib * MIB - 1 }]]
    await oursNow(warm)
    await theirsNow(warm)
    for (const { name, plans } of casesOf(options)) {
      const [ours, theirs]: [Sample[], Sample[]] = [[], []]
      for (let run = 0; run < options.runs; run++) {
        // Alternating, so that a slow minute of the machine affects both.
        ours.push(await oursNow(plans))
        theirs.push(await theirsNow(plans))
      }
      const row = (what: string, pick: (s: Sample) => number, show: (n: number) => string) => {
        const [a, b] = [median(ours.map(pick)), median(theirs.map(pick))]
        rows.push({ name: `${name}: ${what}`, ours: show(a), reference: show(b), ratio: a / b })
      }
      row(
        'throughput',
        (s) => s.bytesPerSecond,
        (n) => `${(n / MIB).toFixed(0)} MiB/s`,
      )
      row(
        'CPU per GiB',
        (s) => s.cpuMsPerGib,
        (n) => `${(n / 1000).toFixed(2)} s`,
      )
    }
    return {
      title: `serve: HTTPS downloads of a file of ${options.fileMib} MiB, median of ${options.runs} runs`,
      reference: `${reference.version}, one worker, same file and key, TLS 1.3`,
      rows,
      notes: [
        // Every second figure was taken right after a download.
        `event loop of the store's process while it sends, 90th percentile: ${median(loopP90Ms.filter((_, i) => i % 2 === 1)).toFixed(1)} ms (timer of 2 ms)`,
        `resident memory of the store's process: ${(largestRss / MIB).toFixed(0)} MiB`,
        'store, nginx and downloaders share this machine: only the ratios are meaningful',
      ],
    }
  } finally {
    hub.send({ do: 'quit' } satisfies HubOrder)
    sink.send({ do: 'quit' } satisfies SinkOrder)
    await nginx?.stop()
  }
}

if (import.meta.main) console.log(printTable(await serve()))
