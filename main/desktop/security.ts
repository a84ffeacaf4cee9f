/** What no page of this app can do, whatever it contains: leave its address, open windows, use devices, reach other hosts. */
import { app, type Session, type WebContents } from 'electron'
import type { Logger } from 'pino'
import { APP_ORIGIN, isAppUrl } from './app-files.ts'

/**
 * Copying text, and (Chromium asks since version 142) talking to this computer's own loopback, where the controller
 * listens. Everything else is refused unseen.
 */
const ALLOWED_PERMISSIONS: readonly string[] = [
  'clipboard-sanitized-write',
  'local-network-access',
  'loopback-network',
]

/** Settings of every window: a page without Node, in its own process and world. */
export const SAFE_WEB_PREFERENCES = {
  contextIsolation: true,
  sandbox: true,
  nodeIntegration: false,
  nodeIntegrationInWorker: false,
  nodeIntegrationInSubFrames: false,
  webviewTag: false,
  webSecurity: true,
  allowRunningInsecureContent: false,
  navigateOnDragDrop: false,
  // Its dictionaries would be fetched from the internet.
  spellcheck: false,
} as const

/** Pure: whether a permission is granted to a page at this address. */
export const isPermitted = (permission: string, address: string, isMainFrame: boolean): boolean =>
  isMainFrame && isAppUrl(address) && ALLOWED_PERMISSIONS.includes(permission)

/**
 * Pure: whether a page may send a request there.
 * @param consoleOrigin the controller's, for example `http://127.0.0.1:7481`; null while it starts
 */
export function isReachable(address: string, consoleOrigin: string | null): boolean {
  if (!URL.canParse(address)) return false
  const { protocol, host } = new URL(address)
  if (['app:', 'blob:', 'data:', 'devtools:'].includes(protocol)) return true
  if (!['http:', 'ws:'].includes(protocol) || !consoleOrigin) return false
  return host === new URL(consoleOrigin).host
}

/** Applies to everything that exists and to everything that is made later. To be called once, when the app is ready. */
export function secureSession(
  session: Session,
  options: { consoleOrigin: () => string | null; log: Logger },
): void {
  const { consoleOrigin, log } = options
  session.setPermissionRequestHandler((_contents, permission, answer, details) => {
    answer(isPermitted(permission, details.requestingUrl, details.isMainFrame))
  })
  session.setPermissionCheckHandler((_contents, permission, origin, details) =>
    isPermitted(permission, details.requestingUrl ?? origin, details.isMainFrame),
  )
  session.setDevicePermissionHandler(() => false)
  session.webRequest.onBeforeRequest((details, answer) => {
    const cancel = !isReachable(details.url, consoleOrigin())
    if (cancel)
      log.warn({ url: details.url.slice(0, 200) }, 'a request to another host was refused')
    answer({ cancel })
  })
  // Reports are made by the page itself and saved by a person through the system's dialog.
  session.on('will-download', (event, item) => {
    if (!item.getURL().startsWith(`blob:${APP_ORIGIN}/`)) event.preventDefault()
  })
}

/** Pins every page to the address at which it was loaded. To be called before the first window is made. */
export function securePages(log: Logger): void {
  app.on('web-contents-created', (_event, contents) => securePage(contents, log))
}

function securePage(contents: WebContents, log: Logger): void {
  const refuse = (event: { preventDefault: () => void; url: string }): void => {
    event.preventDefault()
    log.warn({ url: event.url.slice(0, 200) }, 'a page was kept from leaving the console')
  }
  contents.on('will-navigate', refuse)
  contents.on('will-frame-navigate', refuse)
  contents.on('will-redirect', refuse)
  contents.on('will-attach-webview', (event) => event.preventDefault())
  contents.setWindowOpenHandler(({ url }) => {
    log.warn({ url: url.slice(0, 200) }, 'a page was kept from opening a window')
    return { action: 'deny' }
  })
}
