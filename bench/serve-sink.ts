/** The downloaders of `serve.ts`, in a separate process: they read, count and discard. */
import { connect, type TLSSocket } from 'node:tls'

export type Piece = { from: number; to: number }
export type SinkOrder =
  | {
      do: 'download'
      port: number
      cert: string
      path: string
      /** What each downloader requests, one piece after another over its connection. */
      plans: Piece[][]
    }
  | { do: 'quit' }
export type SinkNote = { done: 'download'; ms: number; bytes: number } | { error: string }

const TIMEOUT_MS = 120_000

function open(port: number, cert: string): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: '127.0.0.1',
      port,
      ca: cert,
      servername: 'deployx.invalid',
      minVersion: 'TLSv1.3',
    })
    socket.once('secureConnect', () => resolve(socket))
    socket.once('error', reject)
  })
}

/** Requests one piece and reads its answer to the end. @returns bytes of the body */
function fetchPiece(socket: TLSSocket, path: string, piece: Piece): Promise<number> {
  return new Promise((resolve, reject) => {
    const wanted = piece.to - piece.from + 1
    let head = ''
    let left = -1
    const done = (error?: Error) => {
      clearTimeout(timer)
      socket.off('data', onData)
      socket.off('close', onClose)
      if (error) reject(error)
      else resolve(wanted)
    }
    const onClose = () => done(new Error('the connection was closed'))
    const onData = (data: Buffer) => {
      if (left < 0) {
        head += data.toString('latin1')
        const end = head.indexOf('\r\n\r\n')
        if (end < 0) return
        if (!head.startsWith('HTTP/1.1 206')) return done(new Error(head.slice(0, 200)))
        left = wanted - (head.length - end - 4)
      } else left -= data.length
      if (left === 0) done()
    }
    const timer = setTimeout(() => done(new Error('a download took too long')), TIMEOUT_MS)
    socket.on('data', onData)
    socket.once('close', onClose)
    socket.write(
      `GET ${path} HTTP/1.1\r\nhost: deployx.invalid\r\nrange: bytes=${piece.from}-${piece.to}\r\n\r\n`,
    )
  })
}

async function download(order: Extract<SinkOrder, { do: 'download' }>): Promise<SinkNote> {
  const sockets = await Promise.all(order.plans.map(() => open(order.port, order.cert)))
  const startMs = performance.now()
  const bytes = await Promise.all(
    sockets.map(async (socket, i) => {
      let total = 0
      for (const piece of order.plans[i]!) total += await fetchPiece(socket, order.path, piece)
      return total
    }),
  )
  const ms = performance.now() - startMs
  for (const socket of sockets) socket.destroy()
  return { done: 'download', ms, bytes: bytes.reduce((sum, n) => sum + n, 0) }
}

process.on('message', (order: SinkOrder) => {
  if (order.do === 'quit') process.exit(0)
  download(order).then(
    (note) => process.send!(note),
    (error: unknown) => process.send!({ error: String(error) } satisfies SinkNote),
  )
})
process.on('disconnect', () => process.exit(0))
