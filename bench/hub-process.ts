/**
 * A hub in a separate process, either the product's or a bare `ws` server, so that its memory can be
 * measured. Driven over IPC by hubs.ts.
 */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocketServer } from 'ws'
import type { TestController } from '../main/controller/test-kit/test-controller.ts'
import { addDevices, startQuietController, untilOnline } from './fleet.ts'

export type HubAddress = { port: number; cert: string; fingerprint: string }
export type HubOrder =
  | { do: 'start_product'; keys: string[] }
  | { do: 'start_ws' }
  | { do: 'restart' }
  | { do: 'count'; count: number }
  | { do: 'memory' }
  | { do: 'quit' }
export type HubNote =
  | { done: 'start_product'; hub: HubAddress; ids: number[] }
  | { done: 'start_ws'; hub: HubAddress }
  | { done: 'restart' | 'count' }
  | { done: 'memory'; rssBytes: number }

let test: TestController | null = null
let wss: WebSocketServer | null = null
const send = (note: HubNote) => void process.send?.(note)

/** With the same kind of key and certificate as the product's. */
async function startWs(): Promise<HubAddress> {
  const from = await startQuietController()
  const key = readFileSync(join(from.dataDir, 'keys', 'hub-tls.key'))
  const { cert } = from.hub
  await from.stop()
  const server = createServer({ key, cert })
  wss = new WebSocketServer({ server, perMessageDeflate: false })
  // Like the product's hub, it reads and answers messages.
  wss.on('connection', (socket) =>
    socket.on('message', (data: Buffer) => socket.send(data.toString())),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { port: (server.address() as AddressInfo).port, cert, fingerprint: '' }
}

async function handle(order: HubOrder): Promise<void> {
  switch (order.do) {
    case 'start_product': {
      test = await startQuietController()
      const ids = addDevices(test, order.keys)
      const hub = { ...test.hub, fingerprint: test.controller.fingerprint }
      return send({ done: 'start_product', hub, ids })
    }
    case 'start_ws':
      return send({ done: 'start_ws', hub: await startWs() })
    case 'restart':
      await test?.restart()
      for (const client of wss?.clients ?? []) client.terminate()
      return send({ done: 'restart' })
    case 'count':
      if (test) await untilOnline(test, order.count)
      else while ((wss?.clients.size ?? 0) < order.count) await sleep(10)
      return send({ done: 'count' })
    case 'memory':
      for (let i = 0; i < 4; i++) {
        globalThis.gc?.()
        await sleep(200)
      }
      return send({ done: 'memory', rssBytes: process.memoryUsage.rss() })
    case 'quit':
      await test?.stop()
      process.exit(0)
  }
}

process.on('message', (order: HubOrder) => {
  handle(order).catch((error: unknown) => {
    console.error(error)
    process.exit(1)
  })
})
process.on('disconnect', () => process.exit(0))
