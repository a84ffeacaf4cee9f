/** What the console's page may use and reach. Pure. */
import { isAppUrl } from './app-files.ts'

/**
 * Copying text, and (Chromium asks since version 142) connecting to this computer's own loopback,
 * where the controller listens. Everything else is refused without a prompt.
 */
const ALLOWED_PERMISSIONS: readonly string[] = [
  'clipboard-sanitized-write',
  'local-network-access',
  'loopback-network',
]

/** Whether a permission is granted to a page at this address. */
export const isPermitted = (permission: string, address: string, isMainFrame: boolean): boolean =>
  isMainFrame && isAppUrl(address) && ALLOWED_PERMISSIONS.includes(permission)

/**
 * Whether a page may send a request there.
 * @param consoleOrigin the controller's, for example `http://127.0.0.1:7481`; null while it starts
 */
export function isReachable(address: string, consoleOrigin: string | null): boolean {
  if (!URL.canParse(address)) return false
  const { protocol, host } = new URL(address)
  if (['app:', 'blob:', 'data:', 'devtools:'].includes(protocol)) return true
  if (!['http:', 'ws:'].includes(protocol) || !consoleOrigin) return false
  return host === new URL(consoleOrigin).host
}
