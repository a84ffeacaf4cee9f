/** A user has one share of requests, across all addresses. */
import { Agent, request } from 'node:http'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  createRestClient,
  startTestController,
  type TestController,
} from '../../test-kit/test-controller.ts'

let t: TestController
beforeAll(async () => {
  t = await startTestController()
})
afterAll(() => t.stop())

type Reply = { status: number; retryAfter: number }
function ask(agent: Agent, token: string): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` }
    const call = request(`${t.controller.consoleUrl}/auth/me`, { agent, headers }, (response) => {
      response.resume()
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          retryAfter: Number(response.headers['retry-after'] ?? 0),
        }),
      )
    })
    call.on('error', reject)
    call.end()
  })
}

// Only Linux answers under every address of 127.0.0.0/8.
it.skipIf(process.platform !== 'linux')('is counted across all of them', async () => {
  await t.rest.call('users.create', {
    body: { username: 'ben', password: 'correct horse 2', role: 'technician' },
  })
  const { token } = await t.anonymous.call('auth.login', {
    body: { username: 'ben', password: 'correct horse 2' },
  })
  // Two addresses, each below the limit of an address.
  const agents = ['127.0.0.2', '127.0.0.3'].map(
    (localAddress) => new Agent({ keepAlive: true, maxSockets: 20, localAddress }),
  )
  const replies: Reply[] = []
  for (let round = 0; round < 16; round++)
    replies.push(
      ...(await Promise.all(Array.from({ length: 200 }, (_, i) => ask(agents[i % 2]!, token)))),
    )
  for (const agent of agents) agent.destroy()
  expect(replies.filter(({ status }) => status === 200)).toHaveLength(3_000)
  const refused = replies.filter(({ status }) => status === 429)
  expect(refused).toHaveLength(200)
  for (const { retryAfter } of refused) expect(retryAfter).toBeGreaterThan(0)
  // Nobody else is affected.
  const anna = createRestClient(t.controller.consoleUrl, t.session.token)
  expect((await anna.raw('GET', '/auth/me')).status).toBe(200)
})
