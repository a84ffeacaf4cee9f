/** mDNS advertisement, received by real multicast on this computer's own network. */
import { networkInterfaces } from 'node:os'
import { Bonjour, type Service } from 'bonjour-service'
import pino from 'pino'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '#shared/node/clock.ts'
import { DISCOVERY_TYPE } from '#shared/contract/agent/discovery.ts'
import { until } from '#shared/test-kit/until.ts'
import { startAdvertising, type Advertiser } from './advertise.ts'

const KEY = `sha256/${'Q'.repeat(43)}=`
const OTHER_KEY = `sha256/${'R'.repeat(43)}=`
const own = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .find((a) => a.family === 'IPv4' && !a.internal)?.address
if (own === undefined)
  process.stderr.write('SKIPPED: no network here on which the advertisement could be received\n')

let key = KEY
const undo: (() => unknown)[] = []
afterEach(async () => {
  key = KEY
  for (const step of undo.splice(0)) await step()
})

function listen(address: string) {
  const mdns = new Bonjour({ interface: address, bind: '0.0.0.0' } as object, () => undefined)
  const received: Service[] = []
  const gone: string[] = []
  // Other hubs may be on this network.
  const receive = (service: Service): void => {
    const text = (service.txt as { key?: string }).key
    if (text === KEY || text === OTHER_KEY) received.push(service)
  }
  const browser = mdns.find({ type: DISCOVERY_TYPE })
  browser.on('up', receive)
  browser.on('srv-update', receive)
  browser.on('txt-update', receive)
  browser.on('down', (service) => gone.push(service.name))
  const timer = setInterval(() => browser.update(), 250)
  undo.push(() => (clearInterval(timer), mdns.destroy()))
  return { received, gone }
}

function advertise(addresses: () => string[]): { advertiser: Advertiser; log: () => string } {
  let text = ''
  const log = pino({ level: 'info' }, { write: (line) => void (text += line) })
  const advertiser = startAdvertising({
    addresses,
    fingerprint: () => key,
    clock: systemClock,
    log,
    checkEveryMs: 100,
  })
  undo.push(() => advertiser.stop())
  return { advertiser, log: () => text }
}

describe.skipIf(own === undefined)('mDNS advertisement', () => {
  const at = own ?? ''

  it('contains port, version and key, follows address and key changes, and sends a goodbye', async () => {
    const { received, gone } = listen(at)
    let port = 41_001
    const { advertiser } = advertise(() => [`${at}:${port}`, `127.0.0.1:${port}`])
    await until('the advertisement arrives', () => received.length > 0)
    expect(received[0]).toMatchObject({
      type: 'deployx',
      protocol: 'tcp',
      port: 41_001,
      txt: { v: '1', key: KEY },
    })
    expect(received[0]!.addresses).toContain(at)
    port = 41_002
    await until('the change arrives', () => received.some((service) => service.port === 41_002))
    key = OTHER_KEY
    advertiser.renew()
    await until('the new key arrives', () =>
      received.some(({ txt }) => (txt as { key: string }).key === OTHER_KEY),
    )
    gone.length = 0
    await advertiser.stop()
    await until('the goodbye arrives', () => gone.length > 0)
  })

  it('logs a network that it cannot advertise on, and advertises on the others', async () => {
    const { received } = listen(at)
    // TEST-NET-3: no interface of this computer has it.
    const { log } = advertise(() => ['203.0.113.7:41003', `${at}:41003`])
    await until('the advertisement arrives', () => received.length > 0)
    expect(log()).toContain('cannot be advertised on this network')
    expect(log()).toContain('203.0.113.7')
  })
})

describe('a hub that listens on loopback only', () => {
  it('is not advertised', async () => {
    const { advertiser, log } = advertise(() => ['127.0.0.1:7480'])
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(log()).toBe('')
    await advertiser.stop()
  })
})
