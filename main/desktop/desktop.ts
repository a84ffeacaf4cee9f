/** Assembles the desktop shell: window, menu, tray, notifications, bridge, and the ways to quit. */
import { join } from 'node:path'
import {
  app,
  dialog,
  nativeTheme,
  Notification,
  powerMonitor,
  powerSaveBlocker,
  safeStorage,
  session,
  shell,
  type MessageBoxOptions,
} from 'electron'
import type { Logger } from 'pino'
import type { DeploymentId } from '#shared/domain/ids.ts'
import type { Cancel, Clock } from '#shared/node/clock.ts'
import type { Controller } from '../controller/compose/index.ts'
import { serveAppScheme } from './app-protocol.ts'
import type { BridgeHandlers } from './bridge-calls.ts'
import { openBridge } from './bridge.ts'
import { createHelp } from './help.ts'
import { createKeepAwake } from './keep-awake.ts'
import { setOpenAtLogin } from './login-item.ts'
import { showMenu, type Page } from './menu.ts'
import { createNotices } from './notifications.ts'
import { openPreferences, openShellState } from './preferences.ts'
import { watchPulse, type Look, type PulseWatch } from './pulse.ts'
import { createQuitter } from './quit.ts'
import { securePages, secureSession } from './security.ts'
import { hasNotificationServer, hasTrayHost } from './session-bus.ts'
import { createSessionKeeper } from './session.ts'
import type { TrayAction } from './tray-view.ts'
import { showTray, type TrayIcon } from './tray.ts'
import { openWindow } from './window.ts'
import { quitWarning } from './words.ts'
import { t } from './texts.ts'

const PLATFORMS = { win32: 'windows', darwin: 'macos' } as const
const TRAY_CHECK_MS = 15_000

export type Desktop = ReturnType<typeof openDesktop>

/**
 * Opens the shell. Its window loads while the controller starts and appears once `controllerIsUp`
 * was called.
 * @param controller what the window waits for before it can work
 * @param unattended no user is present: ask nothing
 */
export function openDesktop(deps: {
  appRoot: string
  controller: Promise<Controller>
  /** For the first account; only the window gets it. */
  setupCode: string
  unattended: boolean
  log: Logger
  clock: Clock
}) {
  const { appRoot, log, clock } = deps
  const userDataDir = app.getPath('userData')
  const preferences = openPreferences(userDataDir)
  const shellState = openShellState(userDataDir)
  const sessionKeeper = createSessionKeeper(userDataDir, safeStorage)
  const keepAwake = createKeepAwake(powerSaveBlocker)
  const help = createHelp({
    appRoot,
    folder: join(userDataDir, 'help'),
    openPath: (file) => shell.openPath(file),
  })
  let running: Controller | null = null
  let pulse: PulseWatch | null = null
  let tray: TrayIcon | null = null
  let stopTrayCheck: Cancel | undefined

  const quitter = createQuitter({
    confirm: confirmQuit,
    stop,
    exit: (code) => app.exit(code),
    log,
    clock,
  })

  nativeTheme.themeSource = preferences.get().theme
  securePages(log)
  secureSession(session.defaultSession, { consoleOrigin: () => running?.consoleUrl ?? null, log })
  serveAppScheme(join(appRoot, 'out', 'renderer'), log)
  const bridge = openBridge(bridgeHandlers(), log)
  const window = openWindow({
    appRoot,
    state: shellState,
    log,
    clock,
    isQuitting: quitter.isQuitting,
    onClose: () => void closed(),
    onLook: (look: Look) => pulse?.looked(look),
    onBroken: () => tellBroken(),
  })
  const notices = createNotices({
    icon: join(appRoot, 'build', 'icons', 'app', 'linux', '256x256.png'),
    isWanted: () => preferences.get().notifications,
    canShow: () => isNotificationServerThere(clock),
    onOpen: (id) => openDeployment(id),
  })
  drawMenu()

  app.on('second-instance', () => window.show())
  app.on('activate', () => window.show())
  // The app lives in the tray: closing the window does not quit it.
  app.on('window-all-closed', () => undefined)
  app.on('before-quit', (event) => {
    event.preventDefault()
    void quitter.quit(true)
  })
  const endNow = (): void => void quitter.quit(false)
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, endNow)
  powerMonitor.on('shutdown', endNow)
  powerMonitor.on('resume', () => running?.resumed())
  window.browserWindow.on('session-end', endNow)

  function bridgeHandlers(): BridgeHandlers {
    return {
      'app.info': async () => {
        const { consoleUrl, dataDir } = await deps.controller
        return {
          console_url: consoleUrl,
          platform: PLATFORMS[process.platform as keyof typeof PLATFORMS] ?? 'linux',
          version: app.getVersion(),
          electron: process.versions.electron ?? '',
          data_dir: dataDir,
          setup_code: deps.setupCode,
        }
      },
      'session.load': () => ({ refresh_token: sessionKeeper.load() }),
      'session.save': ({ refresh_token }) => sessionKeeper.save(refresh_token),
      'preferences.get': () => preferences.get(),
      'preferences.set': (change) => changePreferences(change),
      'app.open_help': async ({ topic }) => ({ opened: await help.open(topic) }),
    }
  }

  function changePreferences(change: Parameters<typeof preferences.set>[0]) {
    const before = preferences.get()
    const after = preferences.set(change)
    nativeTheme.themeSource = after.theme
    if (after.theme !== before.theme) drawMenu()
    if (after.open_at_login !== before.open_at_login)
      setOpenAtLogin(after.open_at_login, { app, command: startCommand(appRoot) })
    return after
  }

  function drawMenu(): void {
    showMenu(
      {
        openPage,
        theme: () => preferences.get().theme,
        setTheme: (theme) => void changePreferences({ theme }),
        helpTopics: help.topics,
        openHelp: (topic) => void help.open(topic),
      },
      !app.isPackaged,
    )
  }

  function openPage(page: Page): void {
    window.show()
    bridge.note(window.page, 'open.page', { page })
  }

  function openDeployment(id: DeploymentId | null): void {
    window.show()
    if (id !== null) bridge.note(window.page, 'open.deployment', { deployment_id: id })
  }

  function trayAction(action: TrayAction): void {
    switch (action.do) {
      case 'open':
        return window.show()
      case 'open-deployment':
        return openDeployment(action.id)
      case 'open-devices':
        return openPage('devices')
      case 'new-deployment':
        return openPage('new-deployment')
      case 'quit':
        return void quitter.quit(true)
    }
  }

  /**
   * A hidden window must be reachable: through the tray, or the Dock on macOS. Otherwise closing
   * the window quits.
   */
  async function closed(): Promise<void> {
    if (process.platform === 'darwin') return window.hide()
    const stays = preferences.get().close_to_tray && tray !== null && (await trayExists(clock))
    if (!stays) return await quitter.quit(true)
    window.hide()
    if (shellState.get().tray_explained) return
    shellState.set({ tray_explained: true })
    notices.explainTray()
  }

  async function confirmQuit(): Promise<boolean> {
    const runningTargets = running?.activity().running_targets ?? 0
    if (runningTargets === 0 || deps.unattended) return true
    const question: MessageBoxOptions = {
      type: 'warning',
      ...quitWarning(runningTargets),
      buttons: [t('quit'), t('quitting.stay')],
      defaultId: 1,
      cancelId: 1,
      noLink: true,
    }
    const { response } = window.isVisible()
      ? await dialog.showMessageBox(window.browserWindow, question)
      : await dialog.showMessageBox(question)
    return response === 0
  }

  function tellBroken(): void {
    const text = t('windowBroken')
    log.error(text)
    if (!deps.unattended) dialog.showErrorBox('DeployX', text)
  }

  async function stop(): Promise<void> {
    stopTrayCheck?.()
    window.remember()
    pulse?.stop()
    keepAwake.stop()
    tray?.close()
    await running?.stop()
  }

  return {
    /**
     * Quits the app and restarts it unchanged. If no user is present, the program that started it
     * restarts it.
     */
    restart(): void {
      if (!deps.unattended) app.relaunch()
      void quitter.quit(false)
    },
    /** Shows the controller's work from now on. @param hidden the window waits in the tray */
    async controllerIsUp(controller: Controller, hidden: boolean): Promise<void> {
      running = controller
      tray = showTray({ iconDir: join(appRoot, 'build', 'icons', 'tray'), onAction: trayAction })
      pulse = watchPulse({
        controller,
        clock,
        onBeat: (beat) => {
          tray?.show(beat)
          keepAwake.update(beat.activity.running_targets)
        },
        onCompleted: (ended) => notices.completed(ended),
        onPaused: (event) => notices.paused(event),
        isLookedAt: (id) => window.isLookedAt(id),
      })
      const hasTray = await trayExists(clock)
      if (!hidden || !hasTray) window.show()
      if (hasTray || quitter.isQuitting()) return
      // At sign-in the app may start before the tray does.
      stopTrayCheck = clock.repeat(TRAY_CHECK_MS, () => {
        void trayExists(clock).then((hasTrayNow) => {
          if (!hasTrayNow || quitter.isQuitting()) return
          stopTrayCheck?.()
          tray?.remake()
        })
      })
    },
  }
}

/** Windows and macOS always have one. */
const trayExists = async (clock: Clock): Promise<boolean> =>
  process.platform !== 'linux' || (await hasTrayHost(clock))

const isNotificationServerThere = async (clock: Clock): Promise<boolean> =>
  process.platform === 'linux' ? await hasNotificationServer(clock) : Notification.isSupported()

/**
 * The command that starts this app again: an AppImage by its own file, sources by Electron and
 * their folder.
 */
function startCommand(appRoot: string): string[] {
  return app.isPackaged
    ? [process.env['APPIMAGE'] ?? process.execPath]
    : [process.execPath, appRoot]
}
