/**
 * A man in the middle: a real TLS proxy with its own key that would forward and read everything. The real
 * agent must notice it during enrolment, on the link and during a download, and not a byte may get through.
 */
import { connect as connectTcp, createServer, type AddressInfo, type Socket } from 'node:net'
import { connect as connectTls, TLSSocket } from 'node:tls'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { countingScript, countRuns, setStage, type Stage } from '../test-kit/stage.ts'
import { makeTlsKey, type TlsKey } from '../test-kit/tls-key.ts'

/**
 * Forwards bytes unchanged until `intercepts` is set; then it terminates TLS itself and opens a new TLS
 * connection to the hub.
 */
async function startProxy(hubPort: number, key: TlsKey) {
  const sockets = new Set<Socket>()
  const proxy = { address: '', intercepts: false, intercepted: 0, plainBytes: 0, cut, stop }
  const keep = <S extends Socket>(socket: S): S => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    return socket
  }
  const server = createServer((raw) => {
    keep(raw)
    if (!proxy.intercepts) {
      const hub = keep(connectTcp({ host: '127.0.0.1', port: hubPort }))
      raw.pipe(hub).pipe(raw)
      raw.on('close', () => hub.destroy())
      return
    }
    proxy.intercepted++
    const victim = keep(new TLSSocket(raw, { isServer: true, key: key.key, cert: key.cert }))
    const hub = keep(connectTls({ host: '127.0.0.1', port: hubPort, rejectUnauthorized: false }))
    victim.on('data', (chunk: Buffer) => (proxy.plainBytes += chunk.length))
    victim.pipe(hub).pipe(victim)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  proxy.address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  function cut(): void {
    for (const socket of sockets) socket.destroy()
  }
  async function stop(): Promise<void> {
    cut()
    await new Promise((resolve) => server.close(resolve))
  }
  return proxy
}

let stage: Stage
let proxy: Awaited<ReturnType<typeof startProxy>>
beforeEach(async () => {
  stage = await setStage()
  proxy = await startProxy(
    stage.hub.port,
    await makeTlsKey('CN=Scanner \u202e\x1b[31mRoot CA,O=Scanner'),
  )
  // The agent knows no other address.
  stage.hub.behaviour.addresses = [proxy.address]
})
afterEach(async () => {
  await proxy.stop()
  await stage.clear()
})
const viaProxy = (): string[] => [
  '--install-root',
  stage.rootPath,
  '--code',
  stage.hub.code({ addresses: [proxy.address] }),
]

describe('a man in the middle', () => {
  it('does no harm while it only forwards bytes, so that the refusals below are meaningful', async () => {
    await stage.connect(viaProxy())
    expect(stage.hub.devices.size).toBe(1)
  })

  it('gets no enrolment: neither the code nor a key passes through it', async () => {
    proxy.intercepts = true
    const agent = stage.start(viaProxy())
    expect(await agent.ended).toBe(1)
    expect(agent.stderr()).toContain('does not show the key of the enrolled controller')
    expect(agent.stderr()).toMatch(
      /issued by "Scanner \S*Root CA": a proxy or virus scanner .* Exempt 127\.0\.0\.1:\d+/,
    )
    expect(proxy.intercepted).toBeGreaterThan(0)
    expect(proxy.plainBytes).toBe(0)
    expect(stage.hub.devices.size).toBe(0)
  })

  it('gets no link of an enrolled agent, and the agent reconnects once it has stopped', async () => {
    const agent = await stage.connect(viaProxy())
    proxy.intercepts = true
    proxy.cut()
    await stage.hub.until('two visits', () => proxy.intercepted >= 2)
    expect(agent.stderr()).toContain('does not show the key of the enrolled controller')
    expect(proxy.plainBytes).toBe(0)
    expect(stage.hub.hellos).toHaveLength(1)
    proxy.intercepts = false
    await stage.hub.connected()
  })

  it('gets no download, and nothing that came through it is run', async () => {
    await stage.connect(viaProxy())
    proxy.intercepts = true // the link stays; every new connection is intercepted
    const command = stage.hub.payload({ content: countingScript('exit 0') })
    expect(await stage.hub.deploy(command)).toEqual({ accepted: true })
    const result = await stage.hub.result(command)
    expect(result).toMatchObject({ status: 'failed', reason: 'download_failed' })
    expect(proxy.intercepted).toBeGreaterThan(0)
    expect(proxy.plainBytes).toBe(0)
    expect(countRuns(stage.rootPath)).toBe(0)
  })
})
