/** An IPv6-only hub, advertised and discovered with real multicast on this computer's own network. */
import { networkInterfaces } from 'node:os'
import pino from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '#shared/node/clock.ts'
import { browse } from '../../agent/discovery/browse.ts'
import { createLog } from '../../agent/lib/log.ts'
import { startAdvertising, type Advertiser } from '../../main/controller/edges/agents/advertise.ts'

const KEY = `sha256/${'V'.repeat(43)}=`
const TRIES = 10
const own = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .find((a) => a.family === 'IPv6' && !a.internal && a.scopeid === 0)?.address
if (own === undefined)
  process.stderr.write('SKIPPED: no network here with an IPv6 address beyond its link\n')

describe.skipIf(own === undefined)('a hub without an IPv4 address', () => {
  const address = `[${own}]:41100`
  let advertiser: Advertiser
  beforeAll(() => {
    advertiser = startAdvertising({
      addresses: () => [address, '[::1]:41100'],
      fingerprint: () => KEY,
      clock: systemClock,
      log: pino({ level: 'silent' }),
    })
  })
  afterAll(() => advertiser.stop())

  it('is discovered by an agent at its IPv6 address', async () => {
    const { signal } = new AbortController()
    const look = async () => {
      const hubs = await browse({ forMs: 2_000, signal, clock: systemClock, log: createLog() })
      return hubs.find(({ fingerprint }) => fingerprint === KEY)
    }
    let found = await look()
    for (let tries = 1; !found && tries < TRIES; tries++) found = await look()
    expect(found?.addresses).toEqual([address])
  })
})
