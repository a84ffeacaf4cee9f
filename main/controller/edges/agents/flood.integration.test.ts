/**
 * A client that floods the hub gains nothing and does not affect others. Bounded, against this
 * test's own hub.
 */
import { once } from 'node:events'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { ReportReply, type DeployPayload } from '#shared/contract/agent/link.ts'
import { startTestController, type TestController } from '../../test-kit/test-controller.ts'
import { EVENT_LIMIT_MS } from '#shared/test-kit/until.ts'

const CONNECTIONS = 1_000
const HANDSHAKE_LIMIT_MS = 10_000

let t: TestController
beforeEach(async () => {
  t = await startTestController({ timings: { presence: { connectGraceMs: 0 } } })
})
afterEach(() => t.stop())

/** @param localAddress of the client; the hub limits what one address may hold open */
const open = (localAddress = '127.0.0.1'): WebSocket =>
  new WebSocket(`wss://127.0.0.1:${t.hub.port}/socket.io/?EIO=4&transport=websocket`, {
    ca: t.hub.cert,
    servername: 'deployx.invalid',
    localAddress,
  } as never)
const ended = (socket: WebSocket): Promise<unknown> =>
  socket.readyState === WebSocket.CLOSED ? Promise.resolve() : once(socket, 'close')

/** Runs a deployment to a new agent, from enrolment to completion. */
async function served(name: string): Promise<void> {
  const { id: software } = await t.addScript(`for ${name}`)
  const identity = await t.enroll(name)
  await t.connect(identity, {
    onCommand: (command, agent) => void agent.result(command as DeployPayload, {}),
  })
  const { deployment_id: id } = await t.rest.call('deployments.create', {
    body: { name, software_ids: [software], device_ids: [identity.deviceId] },
  })
  for (const endAt = Date.now() + 10_000; Date.now() < endAt;) {
    const { status } = await t.rest.call('deployments.get', { params: { id } })
    if (status === 'completed') return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`${name} was not served`)
}

it('serves its agents while a thousand unauthenticated clients hold connections, and closes those', async () => {
  const sockets: WebSocket[] = []
  for (let i = 0; i < CONNECTIONS; i += 50) {
    const some = Array.from({ length: 50 }, () => open(i % 100 === 0 ? '127.0.0.2' : '127.0.0.3'))
    for (const socket of some) socket.on('error', () => undefined)
    await Promise.all(some.map((socket) => Promise.race([once(socket, 'open'), ended(socket)])))
    // They open the agents' namespace and then stay silent.
    for (const socket of some) if (socket.readyState === WebSocket.OPEN) socket.send('40/agents,')
    sockets.push(...some)
  }
  await served('LAB-01')
  const all = Promise.all(sockets.map(ended)).then(() => 'gone')
  const late = new Promise((resolve) => setTimeout(resolve, 2 * HANDSHAKE_LIMIT_MS, 'still there'))
  expect(await Promise.race([all, late])).toBe('gone')
  expect(t.controller.activity().online_agents).toBe(1)
})

it('closes the connection of an unauthenticated client that sends too much, or garbage', async () => {
  for (const message of [
    'x'.repeat(600 * 1024),
    '4'.repeat(1_000),
    '42/agents,["deployment_result",{}]',
  ]) {
    const socket = open()
    socket.on('error', () => undefined)
    await once(socket, 'open')
    socket.send('40/agents,')
    socket.send(message)
    const left = Promise.race([
      ended(socket).then(() => 'gone'),
      new Promise((resolve) => setTimeout(resolve, HANDSHAKE_LIMIT_MS + 5_000, 'still there')),
    ])
    expect(await left).toBe('gone')
  }
  await served('LAB-02')
})

it("refuses an agent's messages beyond its rate, and accepts them again later", async () => {
  const identity = await t.enroll('CHATTY')
  const agent = await t.connect(identity)
  const facts = {
    name: 'CHATTY',
    platform: 'linux',
    arch: 'x64',
    os_version: 'x',
    agent_version: 'x',
    free_disk_bytes: 1,
  } as const
  // Malformed ones count too, and cost so little that even a slow computer handles them faster than the rate.
  const burst = () =>
    Promise.all(
      Array.from({ length: 2_000 }, async () =>
        ReportReply.parse(
          await agent.socket.timeout(EVENT_LIMIT_MS).emitWithAck('inventory_report', {} as never),
        ),
      ),
    )
  const refused: ReportReply[] = []
  for (let bursts = 0; bursts < 10 && refused.length === 0; bursts++)
    refused.push(
      ...(await burst()).filter(({ message }) => message?.includes('slow down') === true),
    )
  expect(refused[0]).toMatchObject({ message: expect.stringContaining('slow down') as string })
  await new Promise((resolve) => setTimeout(resolve, 500))
  expect(
    await agent.socket.timeout(EVENT_LIMIT_MS).emitWithAck('inventory_report', { facts }),
  ).toEqual({
    committed: true,
  })
})
