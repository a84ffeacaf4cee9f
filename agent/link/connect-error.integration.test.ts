import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { io } from 'socket.io-client'
import { causeOf } from './connect-error.ts'

const closers: (() => void)[] = []
afterEach(() => closers.splice(0).forEach((close) => close()))

/** The agent's error message for a server that handles upgrades like this. */
async function causeWith(upgrade: (socket: Socket) => void): Promise<string> {
  const server = createServer((_request, response) => response.end())
  server.on('upgrade', (_request, socket: Socket) => upgrade(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const socket = io(`http://127.0.0.1:${port}`, {
    transports: ['websocket'],
    forceNew: true,
    reconnection: false,
  })
  closers.push(() => socket.disconnect())
  return causeOf(await new Promise<Error>((resolve) => socket.on('connect_error', resolve)))
}

it('names the cause where WebSockets are refused', async () => {
  const cause = await causeWith((socket) =>
    socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n'),
  )
  expect(cause).toContain('refuses WebSockets (HTTP 403), which the agent needs')
})

it('keeps the message of every other failure', async () => {
  expect(await causeWith((socket) => socket.destroy())).toMatch(/socket hang up|ECONNRESET/)
})
