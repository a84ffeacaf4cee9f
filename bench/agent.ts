/**
 * What an agent costs its PC: size, start-up time, memory and CPU while idle, and memory after an hour, a day
 * and `days` days of failed reconnects. The reconnects run the agent's link code with shortened waits; all other
 * figures are measured on the single file.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openOnePcOffice } from '../build/agent/one-pc-office.ts'
import { findNode } from '../build/agent/node-binary.ts'
import { targetsByIds } from '../build/agent/targets.ts'
import { packageAgents } from '../build/package-agent.ts'
import { run } from '../build/support/run.ts'
import { OUTAGES, type Outage } from '../agent/test-kit/failing-link.ts'
import type { AgentNote, AgentOrder, RetrySample } from './agent-process.ts'
import { startChild } from './child.ts'
import { median, type BenchTable } from './table.ts'

const MIB = 1024 ** 2
/** Waits of 30 s to 60 s, plus the duration of each attempt. */
const TRIES_PER_HOUR = 80
const IDLE_SECONDS = 30
/** USER_HZ, the unit in which Linux reports CPU time to programs: always 100. */
const TICKS_PER_SECOND = 100

const mib = (bytes: number): string => `${(bytes / MIB).toFixed(1)} MiB`

async function startMs(file: string, args: string[], runs: number): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < runs; i++) {
    const startedAt = performance.now()
    const { code } = await run(file, args, { timeoutMs: 30_000 })
    if (code !== 0) throw new Error(`${file} ended with ${code}`)
    times.push(performance.now() - startedAt)
  }
  return median(times)
}

/** CPU time so far and resident memory, from /proc. */
function usage(pid: number): { cpuMs: number; rssBytes: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  const rss = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  const ticks = Number(fields[11]) + Number(fields[12])
  return { cpuMs: (ticks * 1000) / TICKS_PER_SECOND, rssBytes: Number(rss?.[1]) * 1024 }
}

/** Measures a process that is left idle for a while. */
async function idle(pid: number): Promise<{ cpuMsPerMinute: number; rssBytes: number }> {
  await sleep(5_000)
  const before = usage(pid)
  await sleep(IDLE_SECONDS * 1000)
  const after = usage(pid)
  const cpuMsPerMinute = ((after.cpuMs - before.cpuMs) * 60) / IDLE_SECONDS
  return { cpuMsPerMinute, rssBytes: after.rssBytes }
}

async function idleAgent(file: string): Promise<Awaited<ReturnType<typeof idle>>> {
  const office = await openOnePcOffice()
  const folder = mkdtempSync(join(tmpdir(), 'deployx-bench-'))
  const words = ['run', '--state', folder, '--code', await office.makeCode()]
  const agent = spawn(file, words, { stdio: 'ignore' })
  try {
    await office.untilEnrolled()
    return await idle(agent.pid!)
  } finally {
    agent.kill('SIGKILL')
    await office.close()
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  }
}

async function idleNode(node: string): Promise<Awaited<ReturnType<typeof idle>>> {
  const bare = spawn(node, ['-e', 'setInterval(() => undefined, 15000)'], { stdio: 'ignore' })
  try {
    return await idle(bare.pid!)
  } finally {
    bare.kill('SIGKILL')
  }
}

async function memoryOverOutage(kind: Outage, marks: number[]) {
  const child = startChild<AgentOrder, AgentNote>('agent-process.ts', ['--expose-gc'])
  try {
    const { samples, warnings } = await child.ask({ do: 'fail', kind, marks }, 'fail')
    return { samples, warnings }
  } finally {
    child.kill()
  }
}

/** Linux only. @param options `days`: the longest outage of a controller that is switched off */
export async function agent(options: { runs: number; days: number }): Promise<BenchTable> {
  const [target] = targetsByIds(['linux-x64'])
  const print = (message: string): void => console.error(message)
  const [made] = await packageAgents([target!], print)
  const node = await findNode(target!, print)
  const rows: BenchTable['rows'] = []
  const row = (name: string, ours: number, reference: number, show: (n: number) => string) =>
    rows.push({ name, ours: show(ours), reference: show(reference), ratio: ours / reference })

  row('size of the single file', made!.sizeBytes, statSync(node).size, mib)
  const version = await startMs(made!.file, ['--version'], options.runs)
  const empty = await startMs(node, ['-e', '0'], options.runs)
  row('start-up (--version; reference -e 0)', version, empty, (n) => `${n.toFixed(0)} ms`)
  const connected = await idleAgent(made!.file)
  const bare = await idleNode(node)
  row('resident memory, connected and idle', connected.rssBytes, bare.rssBytes, mib)

  const [hour, day, last] = [
    TRIES_PER_HOUR,
    TRIES_PER_HOUR * 24,
    TRIES_PER_HOUR * 24 * options.days,
  ]
  const notes: string[] = [
    `CPU while connected and idle: ${connected.cpuMsPerMinute.toFixed(0)} ms a minute (bare Node ${bare.cpuMsPerMinute.toFixed(0)})`,
  ]
  for (const kind of OUTAGES) {
    const marks =
      kind === 'closed port' ? [...new Set([hour, day, last])].sort((a, b) => a - b) : [hour, day]
    const { samples, warnings } = await memoryOverOutage(kind, marks)
    const first = samples[0]!
    for (const sample of samples.slice(1)) {
      const days = sample.tries / TRIES_PER_HOUR / 24
      const name = `${kind}: ${days === 1 ? 'a day' : `${days} days`} of failed reconnects`
      row(`${name}, heap`, sample.heapBytes, first.heapBytes, mib)
      row(`${name}, resident`, sample.rssBytes, first.rssBytes, mib)
    }
    const held = (s: RetrySample): string =>
      `${s.resources} resources, ${s.files ?? '?'} files, ${s.stopListeners} listeners`
    notes.push(
      `${kind}: after an hour ${held(first)}; at the end ${held(samples.at(-1)!)}; ${warnings} warnings`,
    )
  }
  return {
    title: `agent: what it costs its PC (${TRIES_PER_HOUR} tries stand for an hour)`,
    reference: 'the Node inside it; for failed reconnects the same process after the first hour',
    rows,
    notes,
  }
}
