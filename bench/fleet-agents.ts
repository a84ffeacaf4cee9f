/**
 * The other end of the dispatch benchmark, in a process of its own: many light agents that take a command, report a result
 * and note when. Driven over IPC by dispatch.ts.
 */
import { performance } from 'node:perf_hooks'
import { WebSocket } from 'ws'
import {
  connectSimAgent,
  enrollSimAgent,
  type SimAgent,
  type SimHub,
  type SimIdentity,
} from '../main/controller/test-kit/sim-agent.ts'

export type Order =
  | { do: 'enroll'; hub: SimHub; code: string; count: number }
  | { do: 'connect'; hub: SimHub }
  | { do: 'connect_ws'; url: string; cert: string; count: number }
  | { do: 'reset' }
  | { do: 'quit' }
export type Note =
  | { done: 'enroll' | 'connect' | 'connect_ws' | 'reset' }
  /** Both in epoch ms with fractions, of the last of all agents. */
  | { done: 'exchange'; lastCommandMs: number; lastAckMs: number }

const epochMs = () => performance.timeOrigin + performance.now()
const tell = (note: Note) => void process.send?.(note)

const identities: SimIdentity[] = []
let agents: SimAgent[] = []
let sockets: WebSocket[] = []
let expected = 0
let acks = 0
let lastCommandMs = 0

function commandArrived(): void {
  lastCommandMs = epochMs()
}
function resultAcknowledged(): void {
  if (++acks === expected) tell({ done: 'exchange', lastCommandMs, lastAckMs: epochMs() })
}

async function inGroups<T>(
  items: T[],
  size: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  for (let i = 0; i < items.length; i += size) await Promise.all(items.slice(i, i + size).map(work))
}

async function obey(order: Order): Promise<void> {
  switch (order.do) {
    case 'enroll':
      await inGroups([...Array(order.count).keys()], 20, async (i) => {
        identities.push(
          await enrollSimAgent(order.hub, order.code, `SIM-${String(i).padStart(4, '0')}`),
        )
      })
      return tell({ done: 'enroll' })
    case 'connect':
      expected = identities.length
      await inGroups(identities, 50, async (identity) => {
        const agent = connectSimAgent(order.hub, identity, {
          trusting: true,
          onCommand: (command, self) => {
            if (command.action === 'cancel') return
            commandArrived()
            void self.result(command, {}).then(resultAcknowledged)
          },
        })
        agents.push(agent)
        await agent.welcomed
      })
      return tell({ done: 'connect' })
    case 'connect_ws':
      expected = order.count
      await inGroups([...Array(order.count).keys()], 50, async () => {
        const socket = new WebSocket(order.url, {
          ca: order.cert,
          servername: 'deployx.invalid',
          perMessageDeflate: false,
        } as never)
        sockets.push(socket)
        await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
        socket.on('message', (data: Buffer) => {
          const message = JSON.parse(data.toString()) as { ack?: true; id: number }
          if (message.ack) return resultAcknowledged()
          commandArrived()
          socket.send(JSON.stringify({ accepted: message.id }))
          socket.send(
            JSON.stringify({
              result: message.id,
              status: 'success',
              message: 'Installed.',
              exit_code: 0,
            }),
          )
        })
      })
      return tell({ done: 'connect_ws' })
    case 'reset':
      for (const agent of agents) agent.close()
      for (const socket of sockets) socket.close()
      ;[agents, sockets, acks] = [[], [], 0]
      return tell({ done: 'reset' })
    case 'quit':
      process.exit(0)
  }
}

process.on('message', (order: Order) => {
  obey(order).catch((error: unknown) => {
    console.error(error)
    process.exit(1)
  })
})
// The benchmark is gone: so are its agents.
process.on('disconnect', () => process.exit(0))
