/** Bytes that are invalid or almost valid HTTP, TLS, WebSocket frames, Engine.IO and Socket.IO packets. */
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { WebSocket } from 'ws'
import {
  PairAnswer,
  PairBegin,
  PAIRING_NAMESPACE,
  PairReveal,
} from '#shared/contract/agent/pairing.ts'
import { anyAddress, type FuzzContext, type Send } from './context.ts'
import type { Values } from './values.ts'

const HUB_NAME = 'deployx.invalid'
const CONNECT_TIMEOUT_MS = 10_000
/** How long a connection stays open after its last chunk: invalid input needs no answer. */
const LINGER_MS = 40

const UPGRADE =
  'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n'

function httpLike(values: Values): Buffer[] {
  const line = values.pick([
    'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n',
    'POST /auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n',
    'GET / HTTP/1.0\r\n',
    'PRI * HTTP/2.0\r\n',
    'OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1\r\n',
    'CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: 127.0.0.1\r\n',
    'GET http://127.0.0.1:1/ HTTP/1.1\r\nHost: 127.0.0.1\r\n',
    'GET /\0 HTTP/1.1\r\nHost: x\r\n',
  ])
  const more = values.pick([
    'Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n',
    'Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\nGET /users HTTP/1.1\r\n\r\n',
    'Content-Length: -1\r\n\r\n',
    'Content-Length: 99999999999999999999\r\n\r\n{}',
    `X: ${'a'.repeat(values.below(40_000))}\r\n\r\n`,
    'Expect: 100-continue\r\nContent-Length: 10\r\n\r\n',
    'Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n',
    '\r\n',
  ])
  return [Buffer.from(line + more), values.bytes(300)]
}

/** A WebSocket frame of any type, masked or not, with a correct or wrong length. */
function frame(values: Values): Buffer {
  const payload = values.chance(0.5) ? Buffer.from(packet(values).toString()) : values.bytes(120)
  const announced = values.pick([payload.length, payload.length, 0, 125])
  const isMasked = values.chance(0.8)
  const head = [values.below(256), (isMasked ? 0x80 : 0) | Math.min(125, announced)]
  if (values.chance(0.1)) head.splice(1, 1, 0xff, ...values.bytes(9))
  const mask = [1, 2, 3, 4]
  const masked = payload.map((byte, i) => (isMasked ? byte ^ mask[i % 4]! : byte))
  return Buffer.concat([Buffer.from([...head, ...(isMasked ? mask : [])]), masked])
}

const PAIRING = { pair_begin: PairBegin, pair_reveal: PairReveal, pair_answer: PairAnswer }
/** Messages that a client without a code may send to the hub, valid or almost valid. */
function pairing(values: Values, id: string): string {
  const event = values.pick(Object.keys(PAIRING) as (keyof typeof PAIRING)[])
  const body = JSON.stringify(values.any(PAIRING[event])) ?? 'null'
  return `42${PAIRING_NAMESPACE},${id}["${event}",${body}]`
}

/** A packet of Engine.IO or Socket.IO, valid or almost valid. Bytes are sent as a binary message. */
export function packet(values: Values): string | Buffer {
  const nsp = values.pick([
    '',
    '/,',
    '/agents,',
    '/console,',
    `${PAIRING_NAMESPACE},`,
    '/constructor,',
    '/__proto__,',
    '/,,',
  ])
  const id = values.pick(['', '0', '12', '-1', '99999999999999999999'])
  const json = () => JSON.stringify(values.nasty()) ?? '[]'
  return values.pick<() => string | Buffer>([
    () => values.bytes(400),
    () => values.bytes(200).toString('latin1'),
    () => String(values.below(10)),
    () => `4${values.below(10)}${nsp}${id}${json()}`,
    () => `42${nsp}${id}["deployment_result",${json()}]`,
    () => `42${nsp}${id}[${json()},${json()}]`,
    () => pairing(values, id),
    () => `42${nsp}${id}["disconnect"]`,
    () => `43${nsp}${id}[${json()}]`,
    () => `40${nsp}${json()}`,
    () => `41${nsp}`,
    () => `44${nsp}${json()}`,
    () => `45${values.below(20)}-${nsp}${id}["x",{"_placeholder":true,"num":${values.below(3)}}]`,
    () => `45${'9'.repeat(1 + values.below(18))}-${nsp}["x",{"_placeholder":true,"num":-1}]`,
    () => `46${values.below(5)}-${nsp}${id}[{"_placeholder":true,"num":"0"}]`,
    () => `42${nsp}${id}["${'a'.repeat(values.below(90_000))}"]`,
    () => `42${nsp}[${'['.repeat(values.below(20_000))}`,
    () => `b${values.bytes(50).toString('base64')}`,
  ])()
}

/** Sends the chunks one after another, then ends the connection, cleanly or not. */
function sendChunks(socket: Socket, chunks: readonly Buffer[], values: Values): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve()
    }
    const timer = setTimeout(end, CONNECT_TIMEOUT_MS)
    socket.on('error', end)
    socket.on('close', end)
    socket.on('data', () => undefined)
    const onOpen = (): void => {
      for (const chunk of chunks) if (socket.writable) socket.write(chunk)
      if (values.chance(0.5)) socket.end()
      setTimeout(end, LINGER_MS)
    }
    socket.once('connect', onOpen)
  })
}

/** Random bytes to one of the two ports, without TLS. */
export function rawBytes(context: FuzzContext): Send {
  const { values, target } = context
  return async () => {
    const isHub = values.chance(0.5)
    const socket = connectTcp({
      host: '127.0.0.1',
      port: isHub ? target.hub.port : target.consolePort,
      localAddress: anyAddress(values),
    })
    // A TLS record: type, version and length, followed by other content.
    const record = Buffer.concat([
      Buffer.from([20 + values.below(5), 3, values.below(5), values.below(70), values.below(256)]),
      values.bytes(600),
    ])
    const chunks = values.pick<() => Buffer[]>([
      () => [values.bytes(2_000)],
      () => httpLike(values),
      () => [record, values.bytes(100)],
      () => [Buffer.from(UPGRADE), frame(values), frame(values)],
    ])()
    context.tried(isHub ? 'bytes, hub' : 'bytes, console', chunks.length)
    await sendChunks(socket, chunks, values)
  }
}

/** Random HTTP or WebSocket frames to the hub, inside TLS. */
export function rawBytesInTls(context: FuzzContext): Send {
  const { values, target } = context
  return async () => {
    const socket = connectTls({
      host: '127.0.0.1',
      port: target.hub.port,
      ca: target.hub.cert,
      servername: HUB_NAME,
    })
    const chunks = values.chance(0.5)
      ? httpLike(values)
      : [Buffer.from(UPGRADE), frame(values), frame(values)]
    context.tried('bytes, hub within TLS', chunks.length)
    await sendChunks(socket, chunks, values)
  }
}

/** Packets in valid WebSocket frames, from an unauthenticated client. */
export function packets(context: FuzzContext, to: 'hub' | 'console'): Send {
  const { values, target } = context
  const url =
    to === 'hub'
      ? `wss://127.0.0.1:${target.hub.port}/socket.io/?EIO=4&transport=websocket`
      : `ws://127.0.0.1:${target.consolePort}/socket.io/?EIO=4&transport=websocket`
  return () =>
    new Promise((resolve) => {
      const socket = new WebSocket(url, {
        ca: target.hub.cert,
        servername: HUB_NAME,
        localAddress: to === 'console' ? anyAddress(values) : undefined,
      } as never)
      const end = (): void => {
        clearTimeout(timer)
        socket.terminate()
        resolve()
      }
      const timer = setTimeout(end, CONNECT_TIMEOUT_MS)
      socket.on('error', end)
      socket.on('close', end)
      socket.on('open', () => {
        if (values.chance(0.8))
          socket.send(to === 'hub' ? '40/agents,' : '40/console,{"token":"x"}')
        const count = 1 + values.below(8)
        context.tried(`packets, ${to}, unauthenticated`, count)
        if (to === 'hub' && values.chance(0.4)) socket.send(`40${PAIRING_NAMESPACE},`)
        for (let i = 0; i < count; i++) socket.send(packet(values))
        setTimeout(end, LINGER_MS)
      })
    })
}
