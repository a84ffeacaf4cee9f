/** Requests that reach no route, sent as raw bytes: each is answered as /openapi.json describes, and the controller keeps running. */
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ErrorReply } from '#shared/contract/errors.ts'
import { createReplyCheck, publishedDescription } from '../../test-kit/reply-check.ts'
import { startTestController, type TestController } from '../../test-kit/test-controller.ts'

let t: TestController
beforeAll(async () => {
  t = await startTestController()
})
afterAll(() => t.stop())

/** Sends the bytes and reads until the connection is closed. */
function send(bytes: string): Promise<{ status: number; contentType: string; body: unknown }> {
  const { hostname, port } = new URL(t.controller.consoleUrl)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname)
    let got = ''
    socket.setEncoding('utf8').on('data', (text: string) => (got += text))
    socket.once('error', reject)
    socket.once('close', () => {
      const [head = '', body = ''] = got.split('\r\n\r\n')
      resolve({
        status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]),
        contentType: /^content-type: (.*)$/im.exec(head)?.[1]?.trim() ?? '',
        body: JSON.parse(body),
      })
    })
    socket.write(bytes)
  })
}
const request = (line: string, ...headers: string[]): string =>
  [
    line,
    `Host: ${new URL(t.controller.consoleUrl).host}`,
    'Connection: close',
    ...headers,
    '',
    '',
  ].join('\r\n')

it.each<[string, () => string, string, string]>([
  ['bytes that are not a request', () => 'GARBAGE\r\n\r\n', '/devices', 'E_MALFORMED'],
  [
    'headers that are too long',
    () => request('GET /devices HTTP/1.1', `X: ${'a'.repeat(20_000)}`),
    '/devices',
    'E_TOO_LARGE',
  ],
  [
    'an address that cannot be decoded',
    () => request('GET /devices/%ff HTTP/1.1'),
    '/devices/x',
    'E_MALFORMED',
  ],
  [
    'an id without end',
    () => request(`GET /devices/${'1'.repeat(500)} HTTP/1.1`),
    '/devices/1',
    'E_MALFORMED',
  ],
  [
    'two lengths of one body',
    () => request('POST /auth/login HTTP/1.1', 'Content-Length: 2', 'Transfer-Encoding: chunked'),
    '/auth/login',
    'E_MALFORMED',
  ],
])('answers %s with the error body of the surface', async (_what, bytes, path, code) => {
  const sent = bytes()
  const reply = await send(sent)
  expect(ErrorReply.parse(reply.body).error.code).toBe(code)
  const method = sent.startsWith('POST') ? 'POST' : 'GET'
  createReplyCheck(publishedDescription()!)(method, path, reply)
  expect((await t.anonymous.raw('GET', '/health')).status).toBe(200)
})
