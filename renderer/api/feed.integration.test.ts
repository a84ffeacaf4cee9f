/** The feed through proxies that block WebSockets in different ways, with real Socket.IO on both ends. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server } from 'socket.io'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CONSOLE_NAMESPACE } from '#shared/contract/feed.ts'
import { startBlockingProxy } from '../test-kit/blocking-proxy.ts'
import type { BlockingProxy, Upgrades } from '../test-kit/blocking-proxy.ts'
import { createFeed } from './feed.ts'
import type { Feed, FeedState } from './feed.ts'
import type { SessionKeeper } from './session.ts'

const isSocketIo = (path: string) => path.startsWith('/socket.io/')
const session = {
  token: () => 'token',
  renew: async () => undefined,
  lost: async () => undefined,
} as unknown as SessionKeeper

let [io, proxy, feed]: [Server | null, BlockingProxy | null, Feed | null] = [null, null, null]
let closeServer: () => Promise<void>
const states: { state: FeedState; again: boolean }[] = []
const counts: number[] = []
let look: () => void = () => undefined

beforeEach(async () => {
  const server = createServer()
  io = new Server(server, { transports: ['polling', 'websocket'], serveClient: false })
  io.of(CONSOLE_NAMESPACE).use((_socket, next) => next())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closeServer = async () => {
    server.closeAllConnections()
    await io?.close()
  }
  proxy = await startBlockingProxy(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  states.length = 0
  counts.length = 0
})
afterEach(async () => {
  feed?.stop()
  await proxy?.close()
  await closeServer()
})

function open(upgrades: Upgrades): { feed: Feed; proxy: BlockingProxy; io: Server } {
  if (!proxy || !io) throw new Error('not set up')
  proxy.upgrades = upgrades
  feed = createFeed(proxy.url, session, { openMs: 700, retryMaxMs: 300 })
  feed.onState((state, again) => {
    states.push({ state, again })
    look()
  })
  feed.onEvent((name, body) => {
    if (name === 'devices_pending') counts.push((body as { count: number }).count)
    look()
  })
  feed.start()
  return { feed, proxy, io }
}
/** Checks the condition on every event. The test's own timeout bounds the wait. */
const until = (fits: () => boolean) =>
  new Promise<void>((resolve) => {
    look = () => fits() && resolve()
    look()
  })
const isLive = () => states.at(-1)?.state === 'live'
const downs = () => states.filter(({ state }) => state === 'down').length

describe('the feed', () => {
  it.each<Upgrades>(['refuse', 'drop', 'strip', 'hang'])(
    'falls back to long polling when a proxy does this to WebSockets: %s',
    async (upgrades) => {
      const { io } = open(upgrades)
      await until(isLive)
      io.of(CONSOLE_NAMESPACE).emit('devices_pending', { count: 3 })
      await until(() => counts.includes(3))
      expect(proxy?.seen.some((path) => path.startsWith('UPGRADE'))).toBe(true)
    },
  )

  it('stays on long polling when WebSockets open but are cut soon after', async () => {
    const { proxy, io } = open('cut')
    await until(() => isLive() && downs() >= 2)
    const upgrades = () => proxy.seen.filter((path) => path.startsWith('UPGRADE')).length
    const before = upgrades()
    io.of(CONSOLE_NAMESPACE).emit('devices_pending', { count: 4 })
    await until(() => counts.includes(4))
    expect(upgrades()).toBe(before)
  })

  it('uses a WebSocket when nothing blocks it', async () => {
    const { proxy } = open('pass')
    await until(isLive)
    expect(proxy.seen.every((path) => path.startsWith('UPGRADE'))).toBe(true)
    expect(states.map(({ state, again }) => [state, again])).toEqual([
      ['connecting', false],
      ['live', false],
    ])
  })

  it('asks for missed events when the first connection took more than one attempt', async () => {
    const { proxy } = open('refuse')
    proxy.blocks = isSocketIo
    await until(() => downs() >= 2)
    proxy.blocks = () => false
    await until(isLive)
    expect(states.at(-1)).toEqual({ state: 'live', again: true })
  })

  it('connects immediately on retry(), without waiting for the back-off', async () => {
    if (!proxy) throw new Error('not set up')
    proxy.blocks = isSocketIo
    proxy.upgrades = 'refuse'
    feed = createFeed(proxy.url, session, { openMs: 700, retryMaxMs: 600_000 })
    feed.onState((state, again) => {
      states.push({ state, again })
      look()
    })
    feed.start()
    // By now the back-off is several seconds, and it doubles with each further attempt.
    await until(() => downs() >= 4)
    proxy.blocks = () => false
    feed.retry()
    const askedAt = performance.now()
    await until(isLive)
    expect(performance.now() - askedAt).toBeLessThan(2_000)
  })
})
