/**
 * What no page of this app may do, whatever it contains: navigate away, open windows, use devices,
 * reach other hosts.
 */
import { app, type Session, type WebContents } from 'electron'
import type { Logger } from 'pino'
import { APP_ORIGIN } from './app-files.ts'
import { isPermitted, isReachable } from './page-rules.ts'

/** Settings of every window: a page without Node, in its own process and context. */
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
  spellcheck: false,
} as const

/** Applies to all existing and future pages. Call it once, when the app is ready. */
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
  // Chromium would download a dictionary for every language named here, even with the checker off.
  session.setSpellCheckerLanguages([])
  session.webRequest.onBeforeRequest((details, answer) => {
    const cancel = !isReachable(details.url, consoleOrigin())
    if (cancel)
      log.warn({ url: details.url.slice(0, 200) }, 'a request to another host was refused')
    answer({ cancel })
  })
  // The page creates reports itself, and the user saves them through the system's dialog.
  session.on('will-download', (event, item) => {
    if (!item.getURL().startsWith(`blob:${APP_ORIGIN}/`)) event.preventDefault()
  })
}

/**
 * Pins every page to the address that it was loaded from. Call it before the first window is
 * created.
 */
export function securePages(log: Logger): void {
  app.on('web-contents-created', (_event, contents) => securePage(contents, log))
}

function securePage(contents: WebContents, log: Logger): void {
  const refuse = (event: { preventDefault: () => void; url: string }): void => {
    event.preventDefault()
    log.warn({ url: event.url.slice(0, 200) }, 'a page tried to leave the console')
  }
  contents.on('will-navigate', refuse)
  contents.on('will-frame-navigate', refuse)
  contents.on('will-redirect', refuse)
  contents.on('will-attach-webview', (event) => event.preventDefault())
  contents.setWindowOpenHandler(({ url }) => {
    log.warn({ url: url.slice(0, 200) }, 'a page tried to open a window')
    return { action: 'deny' }
  })
}
