/** Checks and headers for every route of the console's port: who may call from where, and what a page may do. */
import type { IncomingMessage } from 'node:http'
import type { FastifyReply } from 'fastify'
import { AppError } from '#shared/contract/errors.ts'
import type { ServedNames } from './served-names.ts'

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

type Request = Pick<IncomingMessage, 'headers' | 'rawHeaders'>

/** Node keeps the first of several `Host` lines, but a proxy may use the last. RFC 9112, 3.2. */
const hostLines = ({ rawHeaders }: Request): number =>
  rawHeaders.filter((text, i) => i % 2 === 0 && text.toLowerCase() === 'host').length

/**
 * Refuses calls that a foreign page makes through a user's browser.
 * - `Host`: exactly one, and a name under which the console is served (DNS rebinding).
 * - `Origin`: a browser names the calling page; only the pages of the console and of the desktop app are allowed.
 */
export function createOriginGuard(options: {
  names: ServedNames
  isSecure: boolean
  allowedOrigins: readonly string[]
}) {
  const scheme = options.isSecure ? 'https' : 'http'
  const isAllowed = (origin: string, host: string): boolean =>
    options.allowedOrigins.includes(origin) || origin === `${scheme}://${host}`
  function check(request: Request): void {
    const { origin, host } = request.headers
    if (hostLines(request) > 1)
      throw new AppError('E_MALFORMED', 'The request names more than one host.')
    if (host === undefined || !options.names.includes(host))
      throw new AppError('E_ORIGIN', 'This address does not lead to the console.')
    if (origin !== undefined && !isAllowed(origin, host))
      throw new AppError('E_ORIGIN', 'This page may not call the console.')
  }
  return {
    check,
    /** The same check as a boolean, for the feed. */
    mayCall: (request: Request): boolean => {
      try {
        check(request)
        return true
      } catch {
        return false
      }
    },
  }
}
