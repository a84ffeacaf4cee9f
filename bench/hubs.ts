/**
 * What a connected agent costs the hub in memory, and how quickly all agents reconnect after a restart of the
 * controller.
 */
import { startAgentsProcess } from './fleet.ts'
import { startChild } from './child.ts'
import type { HubNote, HubOrder } from './hub-process.ts'
import type { BenchTable } from './table.ts'

type Figures = { bytesPerAgent: number; stormMs: number }
/** Agents that reconnect at the same time; their back-off spreads out the rest. */
const STORM_AT_ONCE = 500
const FIRST = 50

async function figures(kind: 'product' | 'ws', count: number): Promise<Figures> {
  const agents = startAgentsProcess()
  const hub = startChild<HubOrder, HubNote>('hub-process.ts', ['--expose-gc'])
  let connect: (from: number, to: number, atOnce?: number) => Promise<unknown>
  if (kind === 'product') {
    const { keys } = await agents.ask({ do: 'make_keys', count }, 'make_keys')
    const started = await hub.ask({ do: 'start_product', keys }, 'start_product')
    connect = (from, to, atOnce) => {
      const ids = started.ids.slice(from, to)
      return agents.ask(
        { do: 'connect', hub: started.hub, ids, from, ...(atOnce && { atOnce }) },
        'connect',
      )
    }
  } else {
    const started = await hub.ask({ do: 'start_ws' }, 'start_ws')
    const url = `wss://127.0.0.1:${started.hub.port}`
    const { cert } = started.hub
    connect = (from, to, atOnce) =>
      agents.ask(
        { do: 'connect_ws', url, cert, count: to - from, ...(atOnce && { atOnce }) },
        'connect_ws',
      )
  }
  // The first links load code and start the signing thread, a fixed cost that does not depend on the number
  // of agents.
  await connect(0, FIRST)
  await hub.ask({ do: 'count', count: FIRST }, 'count')
  const before = await hub.ask({ do: 'memory' }, 'memory')
  await connect(FIRST, count)
  await hub.ask({ do: 'count', count }, 'count')
  const after = await hub.ask({ do: 'memory' }, 'memory')
  await hub.ask({ do: 'restart' }, 'restart')
  await agents.ask({ do: 'reset' }, 'reset')
  const startMs = performance.now()
  await connect(0, count, STORM_AT_ONCE)
  await hub.ask({ do: 'count', count }, 'count')
  const stormMs = performance.now() - startMs
  return { bytesPerAgent: (after.rssBytes - before.rssBytes) / (count - FIRST), stormMs }
}

export async function hubs(options: { agents: number }): Promise<BenchTable> {
  const count = options.agents
  const ours = await figures('product', count)
  const bare = await figures('ws', count)
  const kib = (bytes: number) => `${(bytes / 1024).toFixed(1)} KiB`
  return {
    title: `hub: ${count} agents`,
    reference: 'bare ws over TLS, no authentication',
    rows: [
      {
        name: 'memory per agent (RSS)',
        ours: kib(ours.bytesPerAgent),
        reference: kib(bare.bytesPerAgent),
        ratio: ours.bytesPerAgent / bare.bytesPerAgent,
      },
      {
        name: 'reconnect storm: all back after a restart',
        ours: `${ours.stormMs.toFixed(0)} ms`,
        reference: `${bare.stormMs.toFixed(0)} ms`,
        ratio: ours.stormMs / bare.stormMs,
      },
    ],
    notes: [
      `admitted per second: ${Math.round((1000 * count) / ours.stormMs)}; each proves its key and checks the hub's`,
    ],
  }
}
