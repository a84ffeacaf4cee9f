/** What no page of this app can do, whatever it contains: leave its address, open windows, use devices, reach other hosts. */
import { app, type Session, type WebContents } from 'electron'
import type { Logger } from 'pino'
import { APP_ORIGIN } from './app-files.ts'
import { isPermitted, isReachable } from './page-rules.ts'

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
  spellcheck: false,
} as const

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
  // Chromium would fetch a dictionary from the internet for every language named here, even with the checker off.
  session.setSpellCheckerLanguages([])
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
