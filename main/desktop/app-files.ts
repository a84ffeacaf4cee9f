/** What may be read through `app://deployx/`, and its headers. Pure. */
import { extname, join } from 'node:path'

export const APP_SCHEME = 'app'
export const APP_HOST = 'deployx'
export const APP_ORIGIN = `${APP_SCHEME}://${APP_HOST}`
export const APP_START_URL = `${APP_ORIGIN}/index.html`

/**
 * The page may load its own files and talk to this computer's loopback, nothing else; no inline
 * script or style. The port is not named, so that the page can load while the controller is still
 * starting: security.ts allows only requests to the controller's own port.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self' http://127.0.0.1:* ws://127.0.0.1:*",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

export const SECURITY_HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy':
    'camera=(), microphone=(), geolocation=(), display-capture=(), usb=(), serial=(), hid=()',
  // Files of different versions must never be mixed; they come from the disk anyway.
  'cache-control': 'no-store',
} as const

const MIME_TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
  '.ico': 'image/x-icon',
  '.woff': 'font/woff',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
}

/** The type of a file by its extension; anything unknown is bytes that no page interprets. */
export const mimeTypeOf = (file: string): string =>
  MIME_TYPES[extname(file).toLowerCase()] ?? 'application/octet-stream'

/**
 * Names that a build creates. No leading dot, no escapes, no `:`: nothing that a file system could
 * interpret differently.
 */
const SEGMENT = /^[A-Za-z0-9_@-][A-Za-z0-9_.@-]*$/

/** Whether an address belongs to the console's own page. */
export function isAppUrl(address: string): boolean {
  if (!URL.canParse(address)) return false
  const { protocol, host } = new URL(address)
  return protocol === `${APP_SCHEME}:` && host === APP_HOST
}

/**
 * The file for an address of the console, or null: another host, or a path that does not consist of
 * plain names. Does not check whether the file exists.
 */
export function fileOfUrl(rendererDir: string, address: string): string | null {
  if (!isAppUrl(address)) return null
  const { pathname } = new URL(address)
  const path = pathname === '/' || pathname === '' ? '/index.html' : pathname
  const segments = path.slice(1).split('/')
  return segments.every((segment) => SEGMENT.test(segment)) ? join(rendererDir, ...segments) : null
}
