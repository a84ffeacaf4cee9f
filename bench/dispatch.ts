/**
 * Directed fan-out: from `POST /deployments/create` until the last agent has its command, and until the last
 * result is stored and acknowledged. Includes signatures, journal rows and fsync. Reference, in the same run:
 * a bare `ws` server over the same TLS that sends the same number of messages of the same size and
 * acknowledges the same number of results, but stores nothing.
 */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { WebSocketServer } from 'ws'
import {
  addDevices,
  startAgentsProcess,
  startQuietController,
  untilOnline,
  type AgentsProcess,
} from './fleet.ts'
import { watchStalls, type Stalls } from './stalls.ts'
import { median, printTable, type BenchTable } from './table.ts'

const epochMs = () => performance.timeOrigin + performance.now()

/** The size of a command on the wire, used for the reference too. */
const COMMAND_BYTES = 1_300

export type DispatchFigures = {
  agents: number
  /** Beside the reference of the same run. */
  ratio_last_command: number
  ratio_last_ack: number
  /** Microseconds until the last result is acknowledged, divided by the agents. */
  us_per_agent: number
  /** The longest gap of the hub's loop, of all runs. */
  worst_gap_ms: number
}
type Sample = { commandMs: number; storedMs: number; stalls: Stalls }

async function product(agents: AgentsProcess, count: number, runs: number): Promise<Sample[]> {
  const test = await startQuietController()
  try {
    const software = await test.addScript('bench')
    const { keys } = await agents.ask({ do: 'make_keys', count }, 'make_keys')
    const ids = addDevices(test, keys)
    const hub = { ...test.hub, fingerprint: test.controller.fingerprint }
    const samples: Sample[] = []
    for (let run = 0; run <= runs; run++) {
      await agents.ask({ do: 'connect', hub, ids }, 'connect')
      await untilOnline(test, count)
      const stalls = watchStalls()
      const done = agents.wait('exchange')
      const startMs = epochMs()
      await test.rest.call('deployments.create', {
        body: {
          name: `run ${run}`,
          software_ids: [software.id],
          device_ids: ids,
          strategy: { max_concurrent: count },
        },
      })
      const { lastCommandMs, lastAckMs } = await done
      // The first run warms up code and caches.
      if (run > 0)
        samples.push({
          commandMs: lastCommandMs - startMs,
          storedMs: lastAckMs - startMs,
          stalls: stalls(),
        })
      else stalls()
      await agents.ask({ do: 'reset' }, 'reset')
    }
    return samples
  } finally {
    await test.stop()
  }
}

/** The same exchange over a bare `ws` server with the same certificate. */
async function reference(agents: AgentsProcess, count: number, runs: number): Promise<Sample[]> {
  const test = await startQuietController()
  const key = readFileSync(join(test.dataDir, 'keys', 'hub-tls.key'))
  const { cert } = test.hub
  await test.stop()
  const server = createServer({ key, cert })
  const wss = new WebSocketServer({ server, perMessageDeflate: false })
  wss.on('connection', (socket) => {
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as { result?: number }
      if (message.result !== undefined)
        socket.send(JSON.stringify({ ack: true, id: message.result }))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `wss://127.0.0.1:${(server.address() as AddressInfo).port}`
  const filler = 'x'.repeat(COMMAND_BYTES)
  const samples: Sample[] = []
  for (let run = 0; run <= runs; run++) {
    await agents.ask({ do: 'connect_ws', url, cert, count }, 'connect_ws')
    const done = agents.wait('exchange')
    const stalls = watchStalls()
    const startMs = epochMs()
    let id = 0
    for (const socket of wss.clients) socket.send(JSON.stringify({ id: id++, filler }))
    const { lastCommandMs, lastAckMs } = await done
    const sample = { commandMs: lastCommandMs - startMs, storedMs: lastAckMs - startMs }
    if (run > 0) samples.push({ ...sample, stalls: stalls() })
    else stalls()
    await agents.ask({ do: 'reset' }, 'reset')
  }
  wss.close()
  server.close()
  server.closeAllConnections()
  return samples
}

export async function dispatch(options: {
  agents: number
  runs: number
}): Promise<{ text: string; json: DispatchFigures }> {
  const { agents: count, runs } = options
  const agents = startAgentsProcess()
  const ours = await product(agents, count, runs)
  const bare = await reference(agents, count, runs)
  const row = (name: string, pick: (s: Sample) => number) => {
    const [a, b] = [median(ours.map(pick)), median(bare.map(pick))]
    return { name, ours: `${a.toFixed(1)} ms`, reference: `${b.toFixed(1)} ms`, ratio: a / b }
  }
  const lastCommand = row('create → last command received', (s) => s.commandMs)
  const lastAck = row('create → last result stored and acknowledged', (s) => s.storedMs)
  const gap = row("longest gap of the server's loop", (s) => s.stalls.longestMs)
  const usPerAgent = (1_000 * median(ours.map((s) => s.storedMs))) / count
  const table: BenchTable = {
    title: `dispatch: ${count} agents, median of ${runs} runs`,
    reference: 'bare ws over TLS, no store, no signature',
    rows: [lastCommand, lastAck, gap],
    notes: [`${usPerAgent.toFixed(0)} µs for each agent until the last result is acknowledged`],
  }
  const round = (value: number) => Math.round(100 * value) / 100
  return {
    text: printTable(table),
    json: {
      agents: count,
      ratio_last_command: round(lastCommand.ratio),
      ratio_last_ack: round(lastAck.ratio),
      us_per_agent: Math.round(usPerAgent),
      worst_gap_ms: round(Math.max(...ours.map((s) => s.stalls.longestMs))),
    },
  }
}
