/**
 * The controller with a year of history: how long its event loop pauses while idle, what every route of the
 * console takes and how long it pauses the loop meanwhile, how long a start takes, and a dispatch beside the
 * same with an empty history.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'
import {
  createRestClient,
  startTestController,
} from '../../main/controller/test-kit/test-controller.ts'
import { PROJECT_ROOT } from '../../main/controller/test-kit/paths.ts'
import { startChild, type Child } from '../child.ts'
import { startAgentsProcess, type AgentsProcess } from '../fleet.ts'
import { median } from '../table.ts'
import { openHistory, waitingDeployments, type Size } from './folder.ts'
import type { HistoryReply, HistoryCommand } from './hub.ts'
import { measureCalls, type CallFigure } from './measure-calls.ts'

const AGENTS = 200
const ACCOUNT = { username: 'anna', password: 'correct horse' }

type Side = {
  hub: Child<HistoryCommand, HistoryReply>
  agents: AgentsProcess
  place: { port: number; cert: string; fingerprint: string }
  ids: number[]
  rest: ReturnType<typeof createRestClient>
  console: string
  token: string
}
export type HistoryReport = {
  size: Size
  seededMs: number | null
  databaseBytes: number
  idleGapMs: { history: number; empty: number }
  calls: CallFigure[]
  startMs: { history: number; empty: number }
  dispatchMs: { history: number; empty: number }
}

/** From the command to its first line, which is printed once both ports accept. */
async function timeServe(dataDir: string): Promise<number> {
  const startMs = performance.now()
  const args = [
    'build/serve.js',
    '--data',
    dataDir,
    '--json',
    '--no-discovery',
    '--host',
    '127.0.0.1',
  ]
  const child = spawn(process.execPath, [...args, '--hub-port', '0', '--console-port', '0'], {
    cwd: PROJECT_ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, DEPLOYX_LOG_LEVEL: 'error' },
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  await Promise.race([
    new Promise<void>((resolve) =>
      createInterface({ input: child.stdout }).once('line', () => resolve()),
    ),
    ended.then(() => Promise.reject(new Error('serve ended before it was up'))),
  ])
  const took = performance.now() - startMs
  child.kill('SIGTERM')
  await ended
  return took
}

/** Gives the first devices the keys of light agents; adds devices where there are none. */
function setKeys(dataDir: string, keys: string[]): number[] {
  const db = new Database(join(dataDir, 'deployx.db'))
  try {
    const insert = db.prepare(
      `insert into devices (id, name, platform, arch, os_version, agent_version, public_key, owner_id, approved, enrolled_at)
       values (?, ?, 'linux', 'x64', 'Debian 12', 'light', ?, 1, 1, '2026') on conflict do update set public_key = excluded.public_key`,
    )
    return db.transaction(() => keys.map((key, i) => (insert.run(i + 1, `SIM-${i}`, key), i + 1)))()
  } finally {
    db.close()
  }
}

async function startSide(dataDir: string): Promise<Side> {
  const agents = startAgentsProcess()
  const { keys } = await agents.ask({ do: 'make_keys', count: AGENTS }, 'make_keys')
  const ids = setKeys(dataDir, keys)
  const hub = startChild<HistoryCommand, HistoryReply>('history/hub.ts')
  const up = await hub.ask({ do: 'start', dataDir }, 'start')
  const { token } = await createRestClient(up.console).call('auth.login', { body: ACCOUNT })
  const cert = readFileSync(join(dataDir, 'keys', 'hub-tls.crt'), 'utf8')
  return {
    hub,
    agents,
    ids,
    token,
    console: up.console,
    rest: createRestClient(up.console, token),
    place: { port: up.hubPort, cert, fingerprint: up.fingerprint },
  }
}

async function connect({ agents, place, ids, hub }: Side): Promise<void> {
  await agents.ask({ do: 'connect', hub: place, ids }, 'connect')
  await hub.ask({ do: 'online', count: ids.length }, 'online')
}

/** From the request to the last result stored and acknowledged. */
async function dispatchOnce(side: Side, run: number): Promise<number> {
  const { agents, ids, rest } = side
  await connect(side)
  const done = agents.wait('exchange')
  const startMs = performance.timeOrigin + performance.now()
  await rest.call('deployments.create', {
    body: {
      name: `run ${run}`,
      software_ids: [1],
      device_ids: ids,
      strategy: { max_concurrent: ids.length },
    },
  })
  const { lastAckMs } = await done
  await agents.ask({ do: 'reset' }, 'reset')
  return lastAckMs - startMs
}

async function emptyFolder(): Promise<string> {
  const dataDir = mkdtempSync(join(tmpdir(), 'deployx-bench-'))
  const test = await startTestController({ dataDir })
  await test.addScript('script')
  await test.stop()
  return dataDir
}

export async function history(options: {
  size: Size
  runs: number
  idleSeconds: number
}): Promise<HistoryReport> {
  const { size, runs } = options
  const folder = await openHistory(size)
  const empty = await emptyFolder()
  try {
    const start = { history: [] as number[], empty: [] as number[] }
    // The first start builds what is missing, and warms the disk's cache.
    for (let run = 0; run <= runs; run++)
      for (const [name, dataDir] of [
        ['history', folder.dataDir],
        ['empty', empty],
      ] as const) {
        const ms = await timeServe(dataDir)
        if (run > 0) start[name].push(ms)
      }
    const sides = { history: await startSide(folder.dataDir), empty: await startSide(empty) }
    const waiting: number[] = []
    for (const body of waitingDeployments(size))
      waiting.push((await sides.history.rest.call('deployments.create', { body })).deployment_id)
    const dispatch = { history: [] as number[], empty: [] as number[] }
    for (let run = 0; run <= runs; run++)
      for (const name of ['history', 'empty'] as const) {
        const ms = await dispatchOnce(sides[name], run)
        if (run > 0) dispatch[name].push(ms)
      }
    await connect(sides.history)
    await connect(sides.empty)
    await sleep(2_000)
    const both = [sides.history.hub, sides.empty.hub]
    await Promise.all(both.map((hub) => hub.ask({ do: 'watch' }, 'watch')))
    await sleep(options.idleSeconds * 1000)
    const [full, bare] = await Promise.all(both.map((hub) => hub.ask({ do: 'stalls' }, 'stalls')))
    const calls = await measureCalls(sides.history, { ...size, waiting, runs })
    for (const { hub, agents } of Object.values(sides)) {
      await hub.ask({ do: 'quit' }, 'quit')
      agents.kill()
    }
    return {
      size,
      seededMs: folder.seededMs,
      databaseBytes: folder.bytes,
      idleGapMs: { history: full!.longestMs, empty: bare!.longestMs },
      calls,
      startMs: { history: median(start.history), empty: median(start.empty) },
      dispatchMs: { history: median(dispatch.history), empty: median(dispatch.empty) },
    }
  } finally {
    for (const dataDir of [folder.dataDir, empty]) rmSync(dataDir, { recursive: true, force: true })
  }
}
