/**
 * How an office reconnects after the controller was restarted: with the agent's real back-off, compared with
 * agents that all retry every second.
 */
import { startChild } from './child.ts'
import { startAgentsProcess } from './fleet.ts'
import type { HubNote, HubOrder } from './hub-process.ts'
import type { BenchTable } from './table.ts'

type Figures = { lastMs: number; busiestTenthPerSecond: number }

const WINDOW_MS = 100

/** The highest rate of accepted agents within any tenth of a second, per second. */
function busiest(times: number[]): number {
  const sorted = [...times].sort((a, b) => a - b)
  let most = 0
  for (let from = 0, to = 0; to < sorted.length; to++) {
    while (sorted[to]! - sorted[from]! > WINDOW_MS) from++
    most = Math.max(most, to - from + 1)
  }
  return (most * 1000) / WINDOW_MS
}

async function figures(how: 'product' | 'in step', count: number): Promise<Figures> {
  const agents = startAgentsProcess()
  const hub = startChild<HubOrder, HubNote>('hub-process.ts')
  try {
    const { keys } = await agents.ask({ do: 'make_keys', count }, 'make_keys')
    const started = await hub.ask({ do: 'start_product', keys }, 'start_product')
    const { ids } = started
    await agents.ask({ do: 'connect', hub: started.hub, ids }, 'connect')
    await hub.ask({ do: 'count', count }, 'count')
    const back = agents.ask({ do: 'come_back', hub: started.hub, ids, how }, 'come_back')
    await hub.ask({ do: 'restart' }, 'restart')
    const { welcomedMs } = await back
    await hub.ask({ do: 'count', count }, 'count')
    return { lastMs: Math.max(...welcomedMs), busiestTenthPerSecond: busiest(welcomedMs) }
  } finally {
    agents.kill()
    hub.kill()
  }
}

export async function comeBack(options: { agents: number }): Promise<BenchTable> {
  const ours = await figures('product', options.agents)
  const inStep = await figures('in step', options.agents)
  return {
    title: `come-back: ${options.agents} agents after a restart of the controller`,
    reference: 'the same agents, each trying again every second',
    rows: [
      {
        name: 'all back after',
        ours: `${(ours.lastMs / 1000).toFixed(1)} s`,
        reference: `${(inStep.lastMs / 1000).toFixed(1)} s`,
        ratio: ours.lastMs / inStep.lastMs,
      },
      {
        name: 'busiest tenth of a second, handshakes per second',
        ours: `${ours.busiestTenthPerSecond}`,
        reference: `${inStep.busiestTenthPerSecond}`,
        ratio: ours.busiestTenthPerSecond / inStep.busiestTenthPerSecond,
      },
    ],
    notes: ['from the first lost link to the last welcome; agents and hub share this machine'],
  }
}
