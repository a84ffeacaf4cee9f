/** The announcement, heard by real multicast on this computer's own network. */
import { networkInterfaces } from 'node:os'
import { Bonjour, type Service } from 'bonjour-service'
import pino from 'pino'
import { afterEach, describe, expect, it } from 'vitest'
import { DISCOVERY_TYPE } from '#shared/contract/discovery.ts'
import { until } from '#shared/test-kit/until.ts'
import { startAnnouncing, type Announcer } from './announce.ts'

const KEY = `sha256/${'Q'.repeat(43)}=`
const OTHER_KEY = `sha256/${'R'.repeat(43)}=`
const own = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .find((a) => a.family === 'IPv4' && !a.internal)?.address
if (own === undefined)
  process.stderr.write('SKIPPED: no network here on which the announcement could be heard\n')

let key = KEY
const undo: (() => unknown)[] = []
afterEach(async () => {
  key = KEY
  for (const step of undo.splice(0)) await step()
})

function listen(address: string) {
  const mdns = new Bonjour({ interface: address, bind: '0.0.0.0' } as object, () => undefined)
  const heard: Service[] = []
  const gone: string[] = []
  // Other hubs may be on this network.
  const hear = (service: Service): void => {
    const text = (service.txt as { key?: string }).key
    if (text === KEY || text === OTHER_KEY) heard.push(service)
  }
  const browser = mdns.find({ type: DISCOVERY_TYPE })
  browser.on('up', hear)
  browser.on('srv-update', hear)
  browser.on('txt-update', hear)
  browser.on('down', (service) => gone.push(service.name))
  const timer = setInterval(() => browser.update(), 250)
  undo.push(() => (clearInterval(timer), mdns.destroy()))
  return { heard, gone }
}

function announce(addresses: () => string[]): { announcer: Announcer; log: () => string } {
  let text = ''
  const log = pino({ level: 'info' }, { write: (line) => void (text += line) })
  const announcer = startAnnouncing({ addresses, fingerprint: () => key, log, lookAgainMs: 100 })
  undo.push(() => announcer.stop())
  return { announcer, log: () => text }
}

describe.skipIf(own === undefined)('the announcement of the hub', () => {
  const at = own ?? ''

  it('tells port, version and key, follows addresses and key, and says farewell', async () => {
    const { heard, gone } = listen(at)
    let port = 41_001
    const { announcer } = announce(() => [`${at}:${port}`, `127.0.0.1:${port}`])
    await until('it is heard', () => heard.length > 0)
    expect(heard[0]).toMatchObject({ type: 'deployx', protocol: 'tcp', port: 41_001, txt: { v: '1', key: KEY } }) // prettier-ignore
    expect(heard[0]!.addresses).toContain(at)
    port = 41_002
    await until('the change is heard', () => heard.some((service) => service.port === 41_002))
    key = OTHER_KEY
    announcer.renew()
    await until('the new key is heard', () => heard.some(({ txt }) => (txt as { key: string }).key === OTHER_KEY)) // prettier-ignore
    gone.length = 0
    await announcer.stop()
    await until('the farewell is heard', () => gone.length > 0)
  })

  it('is a line in the log where it cannot be made, and is made on the other networks', async () => {
    const { heard } = listen(at)
    // TEST-NET-3: no card of this computer has it.
    const { log } = announce(() => ['203.0.113.7:41003', `${at}:41003`])
    await until('it is heard', () => heard.length > 0)
    expect(log()).toContain('cannot be announced on this network')
    expect(log()).toContain('203.0.113.7')
  })
})

describe('a hub that listens on loopback only', () => {
  it('is not announced', async () => {
    const { announcer, log } = announce(() => ['127.0.0.1:7480'])
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(log()).toBe('')
    await announcer.stop()
  })
})
