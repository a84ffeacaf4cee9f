/** What unauthenticated clients may cost the hub: sockets, partial messages and agent downloads. */
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { get, type RequestOptions } from 'node:https'
import type { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { EventEmitter } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import { systemClock } from '#shared/node/clock.ts'
import { EVENT_LIMIT_MS } from '#shared/test-kit/until.ts'
import { startTestController, type TestController } from '../../test-kit/test-controller.ts'
import { createAgentDownloads } from './agent-downloads.ts'
import { createUnauthenticatedLimits } from './unauthenticated.ts'

const log = pino({ level: 'silent' })
const KIB = 1024

describe('unauthenticated clients with partial messages', () => {
  let t: TestController
  beforeEach(async () => {
    t = await startTestController({ timings: { presence: { connectGraceMs: 0 } } })
  })
  afterEach(() => t.stop())

  const open = async (): Promise<WebSocket> => {
    const url = `wss://127.0.0.1:${t.hub.port}/socket.io/?EIO=4&transport=websocket`
    const socket = new WebSocket(url, { ca: t.hub.cert, servername: 'deployx.invalid' } as never)
    socket.on('error', () => undefined)
    await Promise.race([once(socket, 'open'), once(socket, 'close')])
    return socket
  }
  const isGone = (socket: WebSocket) => socket.readyState === WebSocket.CLOSED

  it('are cut off long before they cost much, while agents are served', async () => {
    const sockets = await Promise.all(Array.from({ length: 200 }, open))
    for (const socket of sockets) {
      socket.send('40/agents,')
      // The first fragment of a message that never ends.
      socket.send(Buffer.alloc(400 * KIB), { fin: false })
    }
    // 200 × 400 KiB would be 78 MiB; one address may hold 4 MiB.
    await vi.waitFor(
      () => expect(sockets.filter(isGone).length).toBeGreaterThan(185),
      EVENT_LIMIT_MS,
    )
    const agent = await t.connect(await t.enroll('PC-1'))
    expect(agent.socket.connected).toBe(true)
    for (const socket of sockets) socket.terminate()
  })

  it('gain nothing by announcing binary attachments', async () => {
    for (const start of [
      '451-/agents,["x",{"_placeholder":true,"num":0}]',
      '461-/agents,1[{"_placeholder":true,"num":0}]',
    ]) {
      const socket = await open()
      socket.send('40/agents,')
      socket.send(start)
      await vi.waitFor(() => expect(isGone(socket)).toBe(true), EVENT_LIMIT_MS)
    }
    const binary = await open()
    binary.send(Buffer.alloc(1_000))
    await vi.waitFor(() => expect(isGone(binary)).toBe(true), EVENT_LIMIT_MS)
  })

  it('may send less than an authenticated agent', async () => {
    const agent = await t.connect(await t.enroll('PC-2'))
    const facts = {
      name: 'PC-2',
      platform: 'linux',
      arch: 'x64',
      os_version: 'x',
      agent_version: 'x',
      free_disk_bytes: 1,
    } as const
    for (let sent = 0; sent < 6; sent++)
      expect(
        await agent.socket
          .timeout(EVENT_LIMIT_MS)
          .emitWithAck('inventory_report', { facts, ignored: 'x'.repeat(200 * KIB) } as never),
      ).toMatchObject({ committed: true })
    expect(agent.socket.connected).toBe(true)
  })
})

describe('limits for unauthenticated connections', () => {
  /** The part of an engine.io connection that the limits use, over a socket without a peer. */
  function connection(address: string) {
    const socket = Object.defineProperty(new Socket(), 'remoteAddress', { value: address })
    const raw = Object.assign(new EventEmitter(), { request: { socket } as IncomingMessage })
    return {
      raw,
      send: (bytes: number) => socket.emit('data', Buffer.alloc(bytes)),
      isCut: () => socket.destroyed,
      close: () => raw.emit('close'),
    }
  }

  it('apply per connection, per address and in total, and forget closed connections', () => {
    const unauthenticated = createUnauthenticatedLimits(log)
    const add = (address: string, bytes: number) => {
      const one = connection(address)
      unauthenticated.watch(one.raw)
      one.send(bytes)
      return one
    }
    expect(add('10.0.0.1', 513 * KIB).isCut()).toBe(true)
    const some = Array.from({ length: 9 }, () => add('10.0.0.2', 500 * KIB))
    expect(some.map((one) => one.isCut())).toEqual([...Array<boolean>(8).fill(false), true])
    // An IPv4-mapped IPv6 address is the same address.
    expect(add('::ffff:10.0.0.2', 500 * KIB).isCut()).toBe(true)
    const others = Array.from({ length: 30 }, (_, i) => add(`10.0.1.${i}`, 500 * KIB))
    expect(others.filter((one) => one.isCut()).length).toBeGreaterThan(0)
    expect(unauthenticated.usage().bytes).toBeLessThanOrEqual(16 * KIB * KIB)
    for (const one of [...some, ...others]) one.close()
    expect(unauthenticated.usage()).toEqual({ connections: 0, bytes: 0 })
    expect(add('10.0.0.2', 500 * KIB).isCut()).toBe(false)
  })

  it('bound the connections per address, without counting authenticated ones', () => {
    const unauthenticated = createUnauthenticatedLimits(log)
    const many = Array.from({ length: 513 }, () => {
      const one = connection('10.0.0.3')
      unauthenticated.watch(one.raw)
      return one
    })
    expect(many.map((one) => one.isCut()).indexOf(true)).toBe(512)
    unauthenticated.proved(many[0]!.raw)
    many[0]!.send(600 * KIB)
    expect(many[0]!.isCut()).toBe(false)
    const next = connection('10.0.0.3')
    unauthenticated.watch(next.raw)
    expect(next.isCut()).toBe(false)
  })
})

describe('downloads of the agent', () => {
  const NAME = 'deployx-agent-linux-x64'
  let dir: string
  let t: TestController
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'deployx-agents-'))
    const bytes = Buffer.alloc(12 * KIB * KIB, 'a')
    writeFileSync(join(dir, NAME), bytes)
    const hash = createHash('sha256').update(bytes).digest('hex')
    writeFileSync(join(dir, 'SHA256SUMS'), `${hash}  ${NAME}\n`)
    t = await startTestController({ agentsDir: dir, hubHost: '0.0.0.0' })
  })
  afterEach(async () => {
    await t.stop()
    rmSync(dir, { recursive: true, force: true })
  })
  /** Starts a download and does not read it. */
  const start = (localAddress: string): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const options: RequestOptions = {
        host: '127.0.0.1',
        port: t.hub.port,
        path: `/agent/download/${NAME}`,
        localAddress,
        rejectUnauthorized: false,
        agent: false,
      }
      get(options, resolve).on('error', reject)
    })

  it.skipIf(process.platform !== 'linux')('leave slots for other addresses', async () => {
    const held = await Promise.all(Array.from({ length: 16 }, () => start('127.0.0.2')))
    const statuses = held.map(({ statusCode }) => statusCode)
    expect(statuses.filter((status) => status === 200)).toHaveLength(4)
    expect(statuses.filter((status) => status === 429)).toHaveLength(12)
    const other = await start('127.0.0.3')
    expect(other.statusCode).toBe(200)
    for (const response of held) response.destroy()
    await vi.waitFor(async () => {
      const again = await start('127.0.0.2')
      again.destroy()
      expect(again.statusCode).toBe(200)
    }, EVENT_LIMIT_MS)
    other.destroy()
  })

  it('end when the client does not read', async () => {
    const written: string[] = []
    /** A connection whose peer reads nothing: the write never completes. */
    class Stalled extends EventEmitter {
      destroyed = false
      writeHead = () => written.push('head')
      write = () => false
      end = () => written.push('end')
      destroy(): void {
        this.destroyed = true
        this.emit('close')
      }
    }
    const response = new Stalled()
    const downloads = createAgentDownloads({
      clock: systemClock,
      agentFiles: {
        of: () => [],
        offers: () => [],
        isDamaged: () => Promise.resolve(false),
        byName: () => ({
          fileName: NAME,
          arch: 'x64',
          sha256: '',
          path: join(dir, NAME),
          sizeBytes: 1,
        }),
      },
      content: {
        sendOther: (to: never, bytes: never, writeTo: (...args: never[]) => Promise<void>) =>
          writeTo(to, bytes),
      } as never,
      log,
      stallMs: 50,
    })
    await downloads.send(NAME, '10.0.0.1', response as never)
    expect(response.destroyed).toBe(true)
    expect(written).toEqual(['head'])
  })
})
