/**
 * Directed fan-out: from `POST /deployments/create` to the last agent that has its command, and to the last result that is
 * stored and acknowledged. Signatures, journal rows and fsync are in the path. Reference, in the same run: a bare `ws` server
 * over the same TLS that sends as many messages of the same size and acknowledges as many results, storing nothing.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { WebSocketServer } from 'ws'
import { startTestController } from '../main/controller/test-kit/test-controller.ts'
import type { Note, Order } from './dispatch-agents.ts'
import { median, type BenchTable } from './table.ts'

const epochMs = () => performance.timeOrigin + performance.now()
const LIMIT_MS = 120_000

/** The size of a command on the wire, so that the reference carries as much. */
const COMMAND_BYTES = 1_300

function startAgents(): {
  child: ChildProcess
  ask: (order: Order, until: Note['done']) => Promise<Note>
  wait: (until: Note['done']) => Promise<Note>
} {
  const child = fork(join(import.meta.dirname, 'dispatch-agents.ts'), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const wait = (until: Note['done']): Promise<Note> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`the agents did not finish "${until}" in time`)),
        LIMIT_MS,
      )
      const onNote = (note: Note) => {
        if (note.done !== until) return
        clearTimeout(timer)
        child.off('message', onNote)
        resolve(note)
      }
      child.on('message', onNote)
      child.once('exit', (code) => reject(new Error(`the agents' process ended with ${code}`)))
    })
  return {
    child,
    wait,
    ask: (order, until) => {
      const answer = wait(until)
      child.send(order)
      return answer
    },
  }
}
type Agents = ReturnType<typeof startAgents>
type Sample = { commandMs: number; storedMs: number }

const exchangeOf = (note: Note): { lastCommandMs: number; lastAckMs: number } => {
  if (note.done !== 'exchange') throw new Error('unexpected note')
  return note
}

async function product(
  agents: Agents,
  count: number,
  runs: number,
): Promise<{ samples: Sample[]; longestStallMs: number }> {
  const test = await startTestController({ timings: { presence: { connectGraceMs: 0 } } })
  try {
    const software = await test.addScript('bench')
    const { code } = await test.rest.call('enrollments.create', { body: { max_uses: count } })
    await agents.ask({ do: 'enroll', hub: test.hub, code, count }, 'enroll')
    const { devices } = await test.rest.call('devices.list', {})
    const samples: Sample[] = []
    let longestStallMs = 0
    for (let run = 0; run <= runs; run++) {
      await agents.ask({ do: 'connect', hub: test.hub }, 'connect')
      while (test.controller.activity().online_agents < count)
        await new Promise((r) => setTimeout(r, 20))
      const stop = watchStalls((ms) => (longestStallMs = Math.max(longestStallMs, ms)))
      const done = agents.wait('exchange')
      const startMs = epochMs()
      await test.rest.call('deployments.create', {
        body: {
          name: `run ${run}`,
          software_ids: [software.id],
          device_ids: devices.map((d) => d.id),
          strategy: { max_concurrent: count },
        },
      })
      const { lastCommandMs, lastAckMs } = exchangeOf(await done)
      stop()
      // The first run warms up code and caches.
      if (run > 0)
        samples.push({ commandMs: lastCommandMs - startMs, storedMs: lastAckMs - startMs })
      else longestStallMs = 0
      await agents.ask({ do: 'reset' }, 'reset')
    }
    return { samples, longestStallMs }
  } finally {
    await test.stop()
  }
}

/** The same exchange over a bare `ws` server with this machine's own certificate. */
async function reference(
  agents: Agents,
  count: number,
  runs: number,
  payloadBytes: number,
): Promise<Sample[]> {
  const test = await startTestController()
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
  const filler = 'x'.repeat(payloadBytes)
  const samples: Sample[] = []
  for (let run = 0; run <= runs; run++) {
    await agents.ask({ do: 'connect_ws', url, cert, count }, 'connect_ws')
    const done = agents.wait('exchange')
    const startMs = epochMs()
    let id = 0
    for (const socket of wss.clients) socket.send(JSON.stringify({ id: id++, filler }))
    const { lastCommandMs, lastAckMs } = exchangeOf(await done)
    if (run > 0) samples.push({ commandMs: lastCommandMs - startMs, storedMs: lastAckMs - startMs })
    await agents.ask({ do: 'reset' }, 'reset')
  }
  wss.close()
  server.close()
  server.closeAllConnections()
  return samples
}

/** Tells of every gap of the event loop. Returns the function that stops it. */
function watchStalls(tell: (ms: number) => void): () => void {
  let last = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    tell(now - last - 5)
    last = now
  }, 5)
  return () => clearInterval(timer)
}

export async function dispatch(options: { agents: number; runs: number }): Promise<BenchTable> {
  const agents = startAgents()
  try {
    const ours = await product(agents, options.agents, options.runs)
    const bare = await reference(agents, options.agents, options.runs, COMMAND_BYTES)
    const row = (name: string, pick: (s: Sample) => number) => {
      const [a, b] = [median(ours.samples.map(pick)), median(bare.map(pick))]
      return { name, ours: `${a.toFixed(1)} ms`, reference: `${b.toFixed(1)} ms`, ratio: a / b }
    }
    return {
      title: `dispatch: ${options.agents} agents, median of ${options.runs} runs`,
      reference: 'bare ws over TLS, no store, no signature',
      rows: [
        row('create → last command received', (s) => s.commandMs),
        row('create → last result stored and acknowledged', (s) => s.storedMs),
      ],
      notes: [`longest gap of the hub's event loop: ${ours.longestStallMs.toFixed(1)} ms`],
    }
  } finally {
    agents.child.send({ do: 'quit' } satisfies Order)
  }
}
