import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock } from '#shared/node/clock.ts'
import { systemRandom } from '#shared/node/random.ts'
import { MIGRATIONS_DIR } from '../../test-kit/paths.ts'
import { createVirtualTime } from '../../test-kit/virtual-time.ts'
import { openStore, type Store } from '../../store/store.ts'
import { createAudit, type Audit } from './index.ts'

const MINUTE_MS = 60_000

let dataDir: string
let store: Store
let world: ReturnType<typeof createVirtualTime>
let audit: Audit
let signs: () => Promise<string[]>
let stop: () => Promise<void>
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'deployx-sealing-'))
  store = openStore({
    dataDir,
    migrationsDir: MIGRATIONS_DIR,
    clock: systemClock,
    random: systemRandom,
  })
  world = createVirtualTime()
  audit = createAudit({ store, now: world.time.wallMs, clock: world.time })
  signs = () => Promise.resolve(['signature'])
  stop = audit.startSealing(() => signs(), pino({ level: 'silent' }))
  audit.record(null, 'audit.export', 'a subject', 'details')
})
afterEach(async () => {
  await stop()
  store.close()
  rmSync(dataDir, { recursive: true, force: true })
})
const signedEnds = async (): Promise<number> => {
  const proof = audit.proof()
  await world.advance(0)
  return (await proof).signed_ends
}

it('signs the end of the log every ten minutes, if anything was added', async () => {
  await world.advance(10 * MINUTE_MS - 1)
  expect(await signedEnds()).toBe(0)
  await world.advance(MINUTE_MS)
  expect(await signedEnds()).toBe(1)
  await world.advance(20 * MINUTE_MS)
  expect(await signedEnds()).toBe(1)
})
it('signs soon after a failure, not ten minutes later', async () => {
  let left = 3
  signs = () =>
    left-- > 0 ? Promise.reject(new Error('the signer ended')) : Promise.resolve(['signature'])
  await world.advance(10 * MINUTE_MS + 5_000)
  expect(await signedEnds()).toBe(1)
})
it('signs the end of the log only once if it is stopped while it signs', async () => {
  const releases: (() => void)[] = []
  signs = () => new Promise((resolve) => releases.push(() => resolve(['signature'])))
  await world.advance(10 * MINUTE_MS)
  const stopped = stop()
  for (const release of releases) release()
  await stopped
  expect(await signedEnds()).toBe(1)
})
