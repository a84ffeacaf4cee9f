/**
 * The only window: remembers its position, closes to the tray, returns with the page that it
 * showed.
 */
import { join } from 'node:path'
import { BrowserWindow, nativeTheme, screen, type WebContents } from 'electron'
import type { Logger } from 'pino'
import type { Cancel, Clock } from '#shared/node/clock.ts'
import { APP_START_URL } from './app-files.ts'
import { lookOf, type Look } from './pulse.ts'
import type { Remembered } from './preferences.ts'
import type { ShellState } from './stored-values.ts'
import { SAFE_WEB_PREFERENCES } from './security.ts'
import { MIN_WINDOW, placeWindow } from './window-place.ts'

/** The window's colour before the page is rendered: the console's own background. */
const BACKGROUND = { light: '#f5f5f6', dark: '#0f0f12' } as const
/** Shown after this long even if the page is not rendered yet. */
const SHOW_AFTER_MS = 8_000
const REMEMBER_AFTER_MS = 500
/** A page that keeps crashing is not reloaded forever. */
const MAX_RELOADS = 3
const RELOADS_WITHIN_MS = 5 * 60_000

export type MainWindow = ReturnType<typeof openWindow>

/**
 * Creates the window; it appears once `show` was called and its page is rendered.
 * @param onClose called when the user closes the window; it stays (hidden or not) unless the app is
 * quitting
 * @param onLook called with the page that the user sees
 * @param onBroken called when the page crashed repeatedly
 */
export function openWindow(deps: {
  appRoot: string
  state: Remembered<ShellState>
  log: Logger
  clock: Pick<Clock, 'monotonicMs' | 'setTimer'>
  isQuitting: () => boolean
  onClose: () => void
  onLook: (look: Look) => void
  onBroken: () => void
}) {
  const { state, log, clock } = deps
  const areas = screen.getAllDisplays().map((display) => display.workArea)
  const { maximized, ...bounds } = placeWindow(state.get().window, areas)
  const window = new BrowserWindow({
    ...bounds,
    minWidth: MIN_WINDOW.width,
    minHeight: MIN_WINDOW.height,
    show: false,
    title: 'DeployX',
    backgroundColor: background(),
    titleBarStyle: process.platform === 'darwin' ? 'hiddenInset' : 'default',
    autoHideMenuBar: true,
    ...(process.platform === 'linux' && {
      icon: join(deps.appRoot, 'build', 'icons', 'app', 'linux', '256x256.png'),
    }),
    webPreferences: {
      ...SAFE_WEB_PREFERENCES,
      preload: join(deps.appRoot, 'out', 'preload', 'index.cjs'),
    },
  })
  const page = window.webContents

  let isWanted = false
  let isReady = false
  let isNew = true
  function appear(): void {
    if (!isWanted || !isReady || window.isDestroyed()) return
    if (isNew && maximized) window.maximize()
    isNew = false
    if (window.isMinimized()) window.restore()
    window.show()
    window.focus()
  }
  const ready = (): void => {
    cancelShow()
    if (isReady) return
    isReady = true
    appear()
  }
  const cancelShow = clock.setTimer(SHOW_AFTER_MS, ready)
  window.once('ready-to-show', ready)

  let cancelRemember: Cancel | null = null
  function remember(): void {
    cancelRemember?.()
    cancelRemember = null
    if (isNew || window.isDestroyed() || window.isMinimized()) return
    state.set({ window: { ...window.getNormalBounds(), maximized: window.isMaximized() } })
  }
  const rememberSoon = (): void => {
    if (!isNew) cancelRemember ??= clock.setTimer(REMEMBER_AFTER_MS, remember)
  }
  window.on('resize', rememberSoon)
  window.on('move', rememberSoon)
  window.on('maximize', rememberSoon)
  window.on('unmaximize', rememberSoon)

  const look = (): Look | null =>
    !window.isDestroyed() && window.isVisible() && !window.isMinimized()
      ? lookOf(page.getURL())
      : null
  const tellLook = (): void => {
    const seen = look()
    if (seen) deps.onLook(seen)
  }
  page.on('did-navigate-in-page', tellLook)
  window.on('show', tellLook)
  window.on('restore', tellLook)
  window.on('focus', tellLook)

  window.on('close', (event) => {
    if (deps.isQuitting()) return
    event.preventDefault()
    deps.onClose()
  })
  const recolour = (): void => window.setBackgroundColor(background())
  nativeTheme.on('updated', recolour)
  window.once('closed', () => {
    nativeTheme.off('updated', recolour)
    cancelShow()
    cancelRemember?.()
  })

  const title = (event: Electron.Event): void => event.preventDefault()
  window.on('page-title-updated', title)
  reloadWhenCrashed(page, deps)

  page.loadURL(APP_START_URL).catch((error: unknown) => {
    if (!window.isDestroyed()) log.error({ err: error }, 'the console could not be loaded')
  })

  return {
    page,
    /** Brings it to the front, wherever it was. */
    show(): void {
      isWanted = true
      appear()
    },
    hide(): void {
      isWanted = false
      remember()
      if (!window.isFullScreen()) return window.hide()
      // macOS would leave an empty black space behind.
      window.once('leave-full-screen', () => window.hide())
      window.setFullScreen(false)
    },
    remember,
    isVisible: (): boolean => !window.isDestroyed() && window.isVisible(),
    isLookedAt(id: number): boolean {
      const seen = look()
      return typeof seen === 'object' && seen?.deployment === id && window.isFocused()
    },
    /** For dialogs that belong to it. */
    browserWindow: window,
  }
}

const background = (): string => BACKGROUND[nativeTheme.shouldUseDarkColors ? 'dark' : 'light']

function reloadWhenCrashed(
  page: WebContents,
  deps: {
    log: Logger
    clock: Pick<Clock, 'monotonicMs'>
    isQuitting: () => boolean
    onBroken: () => void
  },
): void {
  let crashes: number[] = []
  page.on('render-process-gone', (_event, { reason, exitCode }) => {
    if (deps.isQuitting() || reason === 'clean-exit') return
    deps.log.error({ reason, exitCode }, 'the page crashed')
    const now = deps.clock.monotonicMs()
    crashes = [...crashes.filter((at) => now - at < RELOADS_WITHIN_MS), now]
    if (crashes.length > MAX_RELOADS) deps.onBroken()
    else page.reload()
  })
}
