/** What stands before every route of the console's port: who may call from where, and what a page may do. */
import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyReply } from 'fastify'
import { AppError } from '#shared/contract/errors.ts'

/** No inline script or style, nothing from any other host; the page may talk to its own controller only. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

export function securityHeaders(reply: FastifyReply): void {
  void reply.headers({
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(), microphone=(), geolocation=(), usb=()',
  })
  if (!reply.hasHeader('content-security-policy'))
    void reply.header('content-security-policy', CONTENT_SECURITY_POLICY)
}

const LOOPBACK_NAMES = ['127.0.0.1', 'localhost', '[::1]']
type Headers = { headers: Pick<IncomingHttpHeaders, 'host' | 'origin'> }

/** Whether a `Host` header names this computer itself. A name that somebody made lead here (DNS rebinding) does not. */
export const isLoopbackName = (host: string | undefined): boolean =>
  LOOPBACK_NAMES.includes((host ?? '').replace(/:\d+$/, '').toLowerCase())

/**
 * Refuses calls that a foreign page makes through somebody's browser.
 * - `Host`: while the console listens on loopback only, no other name may lead to it (DNS rebinding).
 * - `Origin`: a browser names the calling page; only the console's own pages and the desktop's are welcome.
 */
export function createOriginGuard(options: {
  loopbackOnly: boolean
  allowedOrigins: readonly string[]
}) {
  const isAllowed = (origin: string, host: string): boolean =>
    options.allowedOrigins.includes(origin) || origin === `http://${host}`
  function check({ headers }: Headers): void {
    const { origin, host = '' } = headers
    if (options.loopbackOnly && !isLoopbackName(host))
      throw new AppError('E_ORIGIN', 'This address does not lead to the console.')
    if (origin !== undefined && !isAllowed(origin, host))
      throw new AppError('E_ORIGIN', 'This page may not call the console.')
  }
  return {
    check,
    /** The same as an answer, for the feed. */
    mayCall: (request: Headers): boolean => {
      try {
        check(request)
        return true
      } catch {
        return false
      }
    },
  }
}
