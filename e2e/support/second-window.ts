/** The console of another person beside the app's own window: as a browser shows it, with a session of its own. */
import type { Page } from '@playwright/test'
import type { ConsoleApp } from './console-app.ts'

/** A window without the desktop's bridge and with storage of its own, at the console's address unless told otherwise. Gone with the app. */
export async function openBrowserWindow(app: ConsoleApp, address = app.consoleUrl): Promise<Page> {
  const opened = app.electron.waitForEvent('window')
  await app.electron.evaluate(async ({ BrowserWindow }, url) => {
    const window = new BrowserWindow({
      width: 1280,
      height: 800,
      webPreferences: { partition: 'another-person', sandbox: true, contextIsolation: true },
    })
    await window.loadURL(url)
  }, address)
  return await opened
}

/** Saves what the app's page downloads next to this path, without asking anybody. */
export async function saveNextDownload(app: ConsoleApp, path: string): Promise<void> {
  await app.electron.evaluate(({ session }, to) => {
    session.defaultSession.once('will-download', (_event, item) => item.setSavePath(to))
  }, path)
}
