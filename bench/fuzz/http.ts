/** Calls over HTTP and HTTPS with any path, headers and body. */
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { anyAddress, short, type FuzzContext } from './context.ts'

/** Enough for password checks under load; a slower answer counts as missing. */
const ANSWER_LIMIT_MS = 30_000
const HUB_NAME = 'deployx.invalid'

export type Call = {
  port: 'console' | 'hub'
  method: string
  /** Exactly as sent; not sent at all if Node rejects it. */
  path: string
  headers?: Record<string, string>
  body?: string | Buffer | undefined
  surface: string
}
export type Answer = { status: number; text: string }

/** The answer; null if the server closed the connection without one, which is allowed for invalid HTTP. */
export function call(
  context: FuzzContext,
  { port, surface, body, ...asked }: Call,
): Promise<Answer | null> {
  context.tried(surface)
  const options: RequestOptions = {
    ...asked,
    host: '127.0.0.1',
    port: port === 'hub' ? context.target.hub.port : context.target.consolePort,
    localAddress: anyAddress(context.values),
    headers: {
      ...asked.headers,
      ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }),
    },
  }
  const what = `${surface}: ${asked.method} ${short(asked.path)} ${short(body?.toString() ?? '')}`
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      context.found('unanswered', what)
      resolve(null)
      sent?.destroy()
    }, ANSWER_LIMIT_MS)
    const done = (answer: Answer | null): void => {
      clearTimeout(timer)
      resolve(answer)
    }
    const onResponse = (response: IncomingMessage): void => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', () => done(null))
      response.on('close', () => {
        const text = Buffer.concat(chunks).toString()
        const status = response.statusCode ?? 0
        // 503 and 507 report a lack of capacity; any other status from 500 on is a fault.
        if (status >= 500 && status !== 503 && status !== 507)
          context.found('5xx', `${what} -> ${status} ${short(text)}`)
        done({ status, text })
      })
    }
    let sent: ReturnType<typeof httpRequest> | null = null
    try {
      sent =
        port === 'console'
          ? httpRequest(options, onResponse)
          : httpsRequest(
              { ...options, ca: context.target.hub.cert, servername: HUB_NAME },
              onResponse,
            )
    } catch {
      // Node's own client refuses to send this path or header.
      return done(null)
    }
    sent.on('error', () => done(null))
    sent.end(body)
  })
}
