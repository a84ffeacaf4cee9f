/**
 * Downloads and verifies a package with the agent's own code, compared with `curl` followed by `openssl dgst
 * -sha256`: the same file from the same store over the same TLS, alternating. Both write it to the same disk.
 */
import { execFileSync, spawn } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { createReadStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { AgentNote, AgentOrder } from './agent-process.ts'
import { startChild } from './child.ts'
import type { HubNote, HubOrder } from './serve-hub.ts'
import { median, type BenchTable } from './table.ts'

const MIB = 1024 ** 2
const LIMIT_MS = 120_000

type Sample = { ms: number; cpuMs: number }

/** Runs a shell line and measures the CPU time of its child processes, as reported by the shell's `times`. */
function shell(line: string): Promise<Sample> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now()
    const child = spawn('bash', ['-c', `set -e; ${line}; times`], {
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: LIMIT_MS,
    })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.once('error', reject)
    child.once('close', (code) => {
      if (code !== 0) return reject(new Error(`"${line}" ended with ${code}`))
      const seconds = [...(output.trim().split('\n').at(-1) ?? '').matchAll(/(\d+)m([\d.]+)s/g)]
      const cpuMs = seconds.reduce((sum, [, m, s]) => sum + (Number(m) * 60 + Number(s)) * 1000, 0)
      resolve({ ms: performance.now() - startedAt, cpuMs })
    })
  })
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file, { highWaterMark: MIB }), hash)
  return hash.digest('hex')
}

/** Flushes earlier writes to disk, so that they do not slow down the measurement. */
const settle = (): void => void execFileSync('sync', { timeout: LIMIT_MS })

/** @throws Error with one line if curl or openssl is not installed */
export async function agentDownload(options: { mib: number; runs: number }): Promise<BenchTable> {
  const sizeBytes = options.mib * MIB
  const hub = startChild<HubOrder, HubNote>('serve-hub.ts')
  const agent = startChild<AgentOrder, AgentNote>('agent-process.ts')
  const folder = mkdtempSync(join(tmpdir(), 'deployx-bench-'))
  const file = join(folder, 'package')
  try {
    const up = await hub.ask({ do: 'start', fileBytes: sizeBytes }, 'start')
    const url = `https://127.0.0.1:${up.port}${up.path}`
    const spki = new X509Certificate(up.cert).publicKey.export({ type: 'spki', format: 'der' })
    const fingerprint = `sha256/${createHash('sha256').update(spki).digest('base64')}`
    const sha256 = await sha256Of(up.file)
    const order: AgentOrder = { do: 'download', url, fingerprint, sizeBytes, sha256 }
    const fetch = `curl -fsSk --tlsv1.3 -o ${file} ${url}`
    const ours: Sample[] = []
    const theirs: Sample[] = []
    const sink: Sample[] = []
    // The first run of each only warms up the caches and is not counted.
    for (let run = 0; run <= options.runs; run++) {
      settle()
      const one = await agent.ask(order, 'download')
      settle()
      const two = await shell(`${fetch}; openssl dgst -sha256 -r ${file} | grep -q ${sha256}`)
      rmSync(file)
      settle()
      const three = await shell(`curl -fsSk --tlsv1.3 -o /dev/null ${url}`)
      if (run === 0) continue
      ours.push(one)
      theirs.push(two)
      sink.push(three)
    }
    const rate = (samples: Sample[]): number =>
      sizeBytes / median(samples.map(({ ms }) => ms / 1000))
    const show = (bytes: number): string => `${(bytes / MIB).toFixed(0)} MiB/s`
    const cpu = (samples: Sample[]): number =>
      median(samples.map(({ cpuMs }) => cpuMs / 1000)) / (options.mib / 1024)
    return {
      title: `agent-download: ${options.mib} MiB fetched and verified, median of ${options.runs} runs`,
      reference: 'curl, then openssl dgst -sha256; same file, same store, same TLS',
      rows: [
        {
          name: 'throughput, verified and on disk',
          ours: show(rate(ours)),
          reference: show(rate(theirs)),
          ratio: rate(ours) / rate(theirs),
        },
        {
          name: 'throughput beside curl to /dev/null',
          ours: show(rate(ours)),
          reference: show(rate(sink)),
          ratio: rate(ours) / rate(sink),
        },
        {
          name: 'CPU per GiB',
          ours: `${cpu(ours).toFixed(2)} s`,
          reference: `${cpu(theirs).toFixed(2)} s`,
          ratio: cpu(ours) / cpu(theirs),
        },
      ],
      notes: ['store and downloader share this machine: only the ratios are meaningful'],
    }
  } finally {
    hub.kill()
    agent.kill()
    rmSync(folder, { recursive: true, force: true })
  }
}
