/** For tests: a plain HTTP proxy in front of a controller that blocks WebSockets as real proxies and virus scanners do. */
import { createServer, request as send, type IncomingMessage } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'

export type Upgrades =
  /** Forwarded. */
  | 'pass'
  /** Answered with 403. */
  | 'refuse'
  /** The connection is closed. */
  | 'drop'
  /** Accepted, and never answered. */
  | 'hang'
  /** Forwarded as an ordinary request, as by proxies that do not know the header. */
  | 'strip'
  /** Forwarded, and closed after the first 200 ms. */
  | 'cut'

export type BlockingProxy = {
  url: string
  upgrades: Upgrades
  /** Which other paths are refused. */
  blocks: (path: string) => boolean
  /** Requested paths, upgrades as `UPGRADE path`. */
  seen: string[]
  /** Closes all current connections. */
  cutAll: () => void
  close: () => Promise<void>
}

const CUT_AFTER_MS = 200

export async function startBlockingProxy(target: string): Promise<BlockingProxy> {
  const { hostname, port, host } = new URL(target)
  const sockets = new Set<Socket>()
  const keep = (socket: Socket): void => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
  }
  // The controller accepts only its own name, but a browser sends the proxy's as host and origin.
  const headersOf = ({
    headers,
  }: IncomingMessage): Record<string, string | string[] | undefined> => ({
    ...headers,
    host,
    ...(headers.origin === proxy.url && { origin: target }),
  })

  const server = createServer((request, response) => {
    const path = request.url ?? '/'
    proxy.seen.push(path)
    if (proxy.blocks(path)) return void response.writeHead(403).end('blocked by policy')
    const onward = send(
      { hostname, port, method: request.method, path, headers: headersOf(request) },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      },
    )
    onward.on('error', () => response.destroy())
    response.on('close', () => onward.destroy())
    request.pipe(onward)
  })
  server.on('connection', keep)
  server.on('upgrade', (request: IncomingMessage, socket: Socket) => {
    const path = request.url ?? '/'
    proxy.seen.push(`UPGRADE ${path}`)
    const how = proxy.upgrades
    if (how === 'hang') return
    if (how === 'drop') return void socket.destroy()
    if (how === 'refuse')
      return void socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n')
    const onward = connect(Number(port), hostname)
    keep(onward)
    const lines = Object.entries(headersOf(request))
      .filter(([name]) => how !== 'strip' || !['upgrade', 'connection'].includes(name))
      .map(([name, value]) => `${name}: ${String(value)}`)
    onward.write(`${request.method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
    socket.pipe(onward).pipe(socket)
    if (how === 'cut') setTimeout(() => socket.destroy(), CUT_AFTER_MS)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

  const proxy: BlockingProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    upgrades: 'pass',
    blocks: () => false,
    seen: [],
    cutAll: () => sockets.forEach((socket) => socket.destroy()),
    close: () =>
      new Promise((resolve) => {
        proxy.cutAll()
        server.close(() => resolve())
      }),
  }
  return proxy
}
