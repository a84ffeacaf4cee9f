/** Anything with a limited lifetime keeps it, wherever the computer's clock is set meanwhile. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { enrollSimAgent } from '../test-kit/sim-agent.ts'
import { createTestClock, type TestClock } from '../test-kit/test-clock.ts'
import { startTestController, type TestController } from '../test-kit/test-controller.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
let clock: TestClock
let t: TestController
beforeEach(async () => {
  clock = createTestClock()
  t = await startTestController({ clock: clock.source })
})
afterEach(() => t.stop())

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
    clock.passes(6.5 * DAY_MS)
    setClock()
    const refresh = (refresh_token: string) =>
      t.anonymous.raw('POST', '/auth/refresh', { refresh_token })
    expect((await refresh(session.refresh_token)).status).toBe(200)
    clock.passes(DAY_MS)
    expect((await refresh(other.refresh_token)).status).toBe(401)
  })
})
