/**
 * A real agent and a controller over IPv6, on a PC with a configured proxy that must not be used.
 */
import { createServer, type AddressInfo, type Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { until } from '#shared/test-kit/until.ts'
import { startRealAgent, type RealAgent } from '../../test-kit/real-agent.ts'
import { startTestController, type TestController } from '../../test-kit/test-controller.ts'

const hasIPv6 = Object.values(networkInterfaces()).some((list) =>
  list?.some(({ address }) => address === '::1'),
)
const PROXIES = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy']

describe.skipIf(!hasIPv6)('a PC that reaches the hub over IPv6', () => {
  let t: TestController
  let agent: RealAgent | null
  let proxy: Server
  let proxied: number
  const before = { ...process.env }
  beforeEach(async () => {
    agent = null
    proxied = 0
    proxy = createServer((socket) => {
      proxied++
      socket.destroy()
    }).listen(0, '127.0.0.1')
    t = await startTestController({
      hubHost: '::1',
      timings: { presence: { connectGraceMs: 0 }, engine: { heartbeatMs: 200 } },
    })
  })
  afterEach(async () => {
    process.env = { ...before }
    await agent?.remove()
    await t.stop()
    proxy.close()
  })

  it('enrols, connects, downloads and reports, bypassing any proxy', async () => {
    const { port } = new URL(t.controller.hubUrl)
    expect(t.controller.hubUrl).toBe(`https://[::1]:${port}`)
    const { code, commands } = await t.rest.call('enrollments.create', { body: {} })
    expect(code.endsWith(`.[::1]:${port}`)).toBe(true)
    expect(commands.linux).toContain(`--code ${code}`)
    const own = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
    for (const name of PROXIES) process.env[name] = own
    process.env['NODE_USE_ENV_PROXY'] = '1'
    agent = startRealAgent('PC-6', code)
    const device = await until(
      'it is online',
      async () => {
        const [found] = (await t.rest.call('devices.list', {})).devices
        return found?.online && found
      },
      { details: () => agent?.output() ?? '' },
    )
    const { id: software } = await t.addScript('hello')
    const { deployment_id: id } = await t.rest.call('deployments.create', {
      body: { name: 'over IPv6', software_ids: [software], device_ids: [device.id] },
    })
    await until(
      'it is completed',
      async () => {
        const { status } = await t.rest.call('deployments.get', { params: { id } })
        return status === 'completed'
      },
      { details: () => agent?.output() ?? '' },
    )
    expect(proxied).toBe(0)
  })

  it('receives the addresses that a user chose, in their order', async () => {
    const addresses = ['hub.office.example:7480', '[fd00::1]:7480', '192.168.7.20:7480']
    const made = await t.rest.call('enrollments.create', { body: { addresses } })
    expect(made.code.endsWith(`.${addresses.join('/')}`)).toBe(true)
    for (const wrong of [
      'fd00::1:7480',
      '192.168.7.20',
      'a b:7480',
      'x:0',
      '$(id):7480',
      "a';b:1",
    ]) {
      const body = { addresses: [wrong] }
      expect((await t.rest.raw('POST', '/enrollments', body)).status, wrong).toBe(400)
    }
    expect((await t.rest.raw('POST', '/enrollments', { addresses: [] })).status).toBe(400)
  })
})
