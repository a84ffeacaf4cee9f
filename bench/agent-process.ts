/**
 * The agent's own code in a separate process: simulates months of failed connections, or downloads. Driven
 * over IPC by agent.ts and agent-download.ts.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '#shared/node/clock.ts'
import { systemRandom } from '#shared/node/random.ts'
import { downloadPackage } from '../agent/download/download.ts'
import { createLog } from '../agent/lib/log.ts'
import { createPinnedConnect, pinnedTo } from '../agent/link/pinned-agent.ts'
import { failToConnect, type Outage, type Holdings } from '../agent/test-kit/failing-link.ts'

export type RetrySample = { tries: number; heapBytes: number; rssBytes: number } & Holdings
export type AgentOrder =
  /** `marks`: numbers of attempts after which it takes a sample, ascending. */
  | { do: 'fail'; kind: Outage; marks: number[] }
  | { do: 'download'; url: string; fingerprint: string; sizeBytes: number; sha256: string }
export type AgentNote =
  | { done: 'fail'; samples: RetrySample[]; warnings: number }
  | { done: 'download'; ms: number; cpuMs: number }

const IDLE_TIMEOUT_MS = 60_000
const send = (note: AgentNote) => void process.send?.(note)
let warnings = 0
process.on('warning', () => warnings++)

async function settle(): Promise<void> {
  for (let i = 0; i < 4; i++) {
    globalThis.gc?.()
    await sleep(50)
  }
}

async function fail(order: Extract<AgentOrder, { do: 'fail' }>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'deployx-bench-'))
  const samples: RetrySample[] = []
  try {
    await failToConnect({
      kind: order.kind,
      folder,
      waitMs: 1,
      searchesLan: true,
      // Like the service: in a size-limited file.
      log: createLog(join(folder, 'agent.log')),
      async onTries(tries, holdings) {
        if (!order.marks.includes(tries)) return true
        await settle()
        const { heapUsed, rss } = process.memoryUsage()
        samples.push({ tries, heapBytes: heapUsed, rssBytes: rss, ...holdings() })
        return tries !== order.marks.at(-1)
      },
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  send({ done: 'fail', samples, warnings })
}

async function download(order: Extract<AgentOrder, { do: 'download' }>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'deployx-bench-'))
  try {
    const connect = createPinnedConnect(pinnedTo(order.fingerprint), systemClock)
    const before = process.cpuUsage()
    const startedAt = performance.now()
    await downloadPackage({
      file: join(folder, 'package'),
      sizeBytes: order.sizeBytes,
      sha256: order.sha256,
      source: () => Promise.resolve({ url: order.url, connect }),
      onProgress: () => undefined,
      onVerifying: () => undefined,
      idleTimeoutMs: IDLE_TIMEOUT_MS,
      clock: systemClock,
      random: systemRandom,
      signal: new AbortController().signal,
    })
    const ms = performance.now() - startedAt
    const { user, system } = process.cpuUsage(before)
    send({ done: 'download', ms, cpuMs: (user + system) / 1000 })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

process.on('message', (order: AgentOrder) => {
  ;(order.do === 'fail' ? fail(order) : download(order)).catch((error: unknown) => {
    console.error(error)
    process.exit(1)
  })
})
process.on('disconnect', () => process.exit(0))
