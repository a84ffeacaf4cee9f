/** The controller keys in the settings, and the restore form on the first screen. */
import { expect, type ElectronApplication, type Page } from '@playwright/test'
import { goTo } from './shell.ts'

export const PASSPHRASE = 'a long way from home'

/** A spec cannot click the system's save dialog, so this sends downloads to the given path instead. */
export async function saveDownloadsAs(electron: ElectronApplication, path: string): Promise<void> {
  await electron.evaluate(({ session }, to) => {
    session.defaultSession.removeAllListeners('will-download')
    session.defaultSession.on('will-download', (_event, item) => item.setSavePath(to))
  }, path)
}

/** Saves a recovery file. The passphrase has to be entered twice the first time. */
export async function saveRecoveryFile(page: Page, isFirst: boolean): Promise<void> {
  await goTo(page, 'settings')
  await page.getByTestId('save-recovery').click()
  await page.getByTestId('recovery-passphrase').fill(PASSPHRASE)
  if (isFirst) await page.getByTestId('recovery-passphrase-again').fill(PASSPHRASE)
  else await expect(page.getByTestId('recovery-passphrase-again')).toHaveCount(0)
  await page.getByTestId('recovery-submit').click()
  await expect(page.getByTestId('recovery-made')).toBeVisible({ timeout: 60_000 })
  await page.getByTestId('recovery-done').click()
  await expect(page.getByTestId('recovery-made')).toHaveCount(0)
}

/** Fills in and submits the restore form of a new controller. */
export async function restoreFrom(
  page: Page,
  file: string,
  past: 'keep' | 'renew',
  passphrase = PASSPHRASE,
): Promise<void> {
  await page.getByTestId('restore-instead').click()
  await page.getByTestId('restore-file').setInputFiles(file)
  await page.getByTestId('restore-passphrase').fill(passphrase)
  await page.getByTestId(`restore-past-${past}`).check()
  await page.getByTestId('restore-submit').click()
}
