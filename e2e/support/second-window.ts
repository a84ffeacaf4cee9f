/** Another person's console next to the app's own window: as in a browser, with its own session. */
import type { Page } from '@playwright/test'
import type { ConsoleApp } from './console-app.ts'

/**
 * A window without the desktop bridge and with separate storage, by default at the console's address. Closes
 * with the app.
 */
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

/** Saves the next download of the app's page to this path without a dialog. */
export async function saveNextDownload(app: ConsoleApp, path: string): Promise<void> {
  await app.electron.evaluate(({ session }, to) => {
    session.defaultSession.once('will-download', (_event, item) => item.setSavePath(to))
  }, path)
}
