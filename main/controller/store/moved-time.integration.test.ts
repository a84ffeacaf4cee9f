/** Anything with a limited lifetime keeps it, wherever the computer's clock is set meanwhile. */
import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { enrollSimAgent } from '../test-kit/sim-agent.ts'
import { createTestClock, type TestClock } from '../test-kit/test-clock.ts'
import {
  createRestClient,
  startTestController,
  type RestClient,
  type TestController,
} from '../test-kit/test-controller.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
let clock: TestClock
let t: TestController
beforeEach(async () => {
  clock = createTestClock()
  t = await startTestController({ clock: clock.source })
})
afterEach(() => t.stop())

/** A token may have expired, or not be valid yet. */
async function signIn(): Promise<RestClient> {
  const credentials = { username: 'anna', password: 'correct horse' }
  const { token } = await t.anonymous.call('auth.login', { body: credentials })
  return createRestClient(t.controller.consoleUrl, token)
}

describe.each([
  ['forward by a day', DAY_MS],
  ['back by ten years', -3_650 * DAY_MS],
])('a clock that is set %s', (_how, ms) => {
  function setClock(): void {
    clock.jumps(ms)
    clock.tick()
  }

  it('neither shortens nor extends the life of an enrolment code', async () => {
    const { code } = await t.rest.call('enrollments.create', { body: { ttl_minutes: 90 } })
    clock.passes(HOUR_MS)
    setClock()
    await enrollSimAgent(t.hub, code, 'PC-1')
    clock.passes(HOUR_MS / 2 + 1_000)
    await expect(enrollSimAgent(t.hub, code, 'PC-2')).rejects.toThrow(/expired/)
  })

  it('leaves an expired code expired', async () => {
    const { code } = await t.rest.call('enrollments.create', { body: { ttl_minutes: 30 } })
    clock.passes(HOUR_MS)
    setClock()
    await expect(enrollSimAgent(t.hub, code, 'PC-1')).rejects.toThrow(/expired/)
  })

  it('neither shortens nor extends a session of seven days', async () => {
    const credentials = { username: 'anna', password: 'correct horse' }
    const session = await t.anonymous.call('auth.login', { body: credentials })
    const other = await t.anonymous.call('auth.login', { body: credentials })
    await clock.passesSlowly(6.5 * DAY_MS)
    setClock()
    const refresh = (refresh_token: string) =>
      t.anonymous.raw('POST', '/auth/refresh', { refresh_token })
    expect((await refresh(session.refresh_token)).status).toBe(200)
    await clock.passesSlowly(DAY_MS)
    expect((await refresh(other.refresh_token)).status).toBe(401)
  })

  it('follows a PC that gets another name afterwards', async () => {
    let rest = t.rest
    const identity = await t.enroll('PC-1')
    const linkAs = async (name: string): Promise<string> => {
      const agent = await t.connect({ ...identity, name })
      agent.socket.close()
      return (await rest.call('devices.get', { params: { id: identity.deviceId } })).name
    }
    expect(await linkAs('PC-2')).toBe('PC-2')
    setClock()
    rest = await signIn()
    clock.passes(6_000)
    expect(await linkAs('PC-3')).toBe('PC-3')
  })
})

it('keeps the answers of requests for 30 days when a clock is set forward by 60 days', async () => {
  let rest = t.rest
  const body = { name: 'Lab', request_id: randomUUID() }
  const { body: first } = await rest.raw('POST', '/groups', body)
  clock.jumps(60 * DAY_MS)
  clock.tick()
  // A new request removes answers that are older than 30 days.
  rest = await signIn()
  await rest.raw('POST', '/groups', { name: 'Office', request_id: randomUUID() })
  expect(await rest.raw('POST', '/groups', body)).toMatchObject({ status: 200, body: first })
})
