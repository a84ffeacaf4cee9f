/**
 * The agents' side of the fleet benchmarks, in a separate process: many light agents that receive a command,
 * report a result and record the time. Driven over IPC by fleet.ts.
 */
import { performance } from 'node:perf_hooks'
import { WebSocket } from 'ws'
import { systemRandom } from '#shared/node/random.ts'
import { RECONNECT_MAX_MS, RECONNECT_MIN_MS, RECONNECT_SPREAD_MS } from '#shared/domain/defaults.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import { createBackoff } from '../agent/lib/wait.ts'
import { connectLightAgent, makeLightKey, type LightAgent, type LightKey } from './light-agent.ts'

type HubPlace = { port: number; cert: string; fingerprint: string }
export type Order =
  | { do: 'make_keys'; count: number }
  | {
      do: 'connect'
      hub: HubPlace
      ids: number[]
      /** Index of the first agent in the list of keys. Default: 0 */
      from?: number
      atOnce?: number
    }
  | { do: 'connect_ws'; url: string; cert: string; count: number; atOnce?: number }
  /**
   * From now on an agent whose link breaks reconnects: with the product's back-off, or all after the same
   * second.
   */
  | { do: 'come_back'; hub: HubPlace; ids: number[]; how: 'product' | 'in step' }
  | { do: 'reset' }
  | { do: 'quit' }
export type Note =
  | { done: 'connect_ws' | 'connect' | 'reset' }
  /** All are connected again: milliseconds from the first lost link to each welcome. */
  | { done: 'come_back'; welcomedMs: number[] }
  /** Public keys, SPKI DER, base64. */
  | { done: 'make_keys'; keys: string[] }
  /** Both in epoch ms with fractions, for the last of all agents. */
  | { done: 'exchange'; lastCommandMs: number; lastAckMs: number }

/** Concurrent handshakes, for agents and reference alike, unless the order says otherwise. */
const AT_ONCE = 50

const epochMs = () => performance.timeOrigin + performance.now()
const send = (note: Note) => void process.send?.(note)

const keys: LightKey[] = []
let agents: LightAgent[] = []
let sockets: WebSocket[] = []
let expected = 0
let acks = 0
let lastCommandMs = 0

function commandArrived(): void {
  lastCommandMs = epochMs()
}
function resultAcknowledged(): void {
  if (++acks === expected) send({ done: 'exchange', lastCommandMs, lastAckMs: epochMs() })
}

/** Runs this many at the same time and starts the next one as soon as one finishes. */
async function eachOf<T>(
  items: T[],
  atOnce: number,
  work: (item: T, i: number) => Promise<unknown>,
): Promise<void> {
  let next = 0
  const worker = async () => {
    for (let i = next++; i < items.length; i = next++) await work(items[i]!, i)
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker))
}

/** Resolves when every agent has lost its link and has been welcomed again. */
async function comeBack(order: Extract<Order, { do: 'come_back' }>): Promise<number[]> {
  const { hub, ids, how } = order
  let firstLossMs = Infinity
  const lost = agents
  agents = []
  return await Promise.all(
    lost.map(async (before, i) => {
      await before.closed
      firstLossMs = Math.min(firstLossMs, performance.now())
      const backoff =
        how === 'product'
          ? createBackoff(systemRandom, RECONNECT_MIN_MS, RECONNECT_MAX_MS, RECONNECT_SPREAD_MS)
          : { begin: () => undefined, nextMs: () => RECONNECT_MIN_MS }
      backoff.begin()
      const identity = { deviceId: ids[i] as DeviceId, key: keys[i]!, name: `SIM-${i}` }
      for (;;) {
        await new Promise((resolve) => setTimeout(resolve, backoff.nextMs()))
        const agent = connectLightAgent(hub, identity, () => undefined)
        const isBack = await agent.welcomed.then(
          () => true,
          () => false,
        )
        if (!isBack) continue
        agents.push(agent)
        return performance.now() - firstLossMs
      }
    }),
  )
}

async function handle(order: Order): Promise<void> {
  switch (order.do) {
    case 'make_keys':
      for (let i = 0; i < order.count; i++) keys.push(makeLightKey())
      return send({ done: 'make_keys', keys: keys.map((key) => key.publicKey) })
    case 'connect':
      expected = order.ids.length
      await eachOf(order.ids, order.atOnce ?? AT_ONCE, async (id, i) => {
        const identity = {
          deviceId: id as DeviceId,
          key: keys[(order.from ?? 0) + i]!,
          name: `SIM-${i}`,
        }
        const agent = connectLightAgent(order.hub, identity, (command) => {
          commandArrived()
          agent.succeed(command, resultAcknowledged)
        })
        agents.push(agent)
        await agent.welcomed
      })
      return send({ done: 'connect' })
    case 'come_back':
      return send({ done: 'come_back', welcomedMs: await comeBack(order) })
    case 'connect_ws':
      expected = order.count
      await eachOf([...Array(order.count).keys()], order.atOnce ?? AT_ONCE, async () => {
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
      return send({ done: 'connect_ws' })
    case 'reset':
      for (const agent of agents) agent.close()
      for (const socket of sockets) socket.close()
      ;[agents, sockets, acks] = [[], [], 0]
      return send({ done: 'reset' })
    case 'quit':
      process.exit(0)
  }
}

process.on('message', (order: Order) => {
  handle(order).catch((error: unknown) => {
    console.error(error)
    process.exit(1)
  })
})
// The benchmark has ended, so its agents end too.
process.on('disconnect', () => process.exit(0))
