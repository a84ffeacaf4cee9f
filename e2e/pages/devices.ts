import { expect, type Locator, type Page } from '@playwright/test'
import { goTo } from './shell.ts'

export const deviceRow = (page: Page, name: string): Locator =>
  page.locator(`[data-testid=device-row][data-device-name="${name}"]`)

/** A PC that waits for approval, on any page that shows it. */
export const pendingDevice = (page: Page, name: string): Locator =>
  page.locator(`[data-testid=pending-device][data-device-name="${name}"]`)

/** Opens *Add PCs* and returns the code that it shows. The slide-over stays open. */
export async function makeEnrollmentCode(page: Page): Promise<string> {
  await goTo(page, 'devices')
  await page.getByTestId('add-devices').click()
  const code = page.getByTestId('enroll-code')
  await expect(code).toHaveText(/^DX1\./)
  return (await code.textContent())!.trim()
}

/** Waits until the slide-over of *Add PCs* shows that this many PCs have joined. */
export async function expectJoined(page: Page, count: number): Promise<void> {
  await expect(page.getByTestId('enroll-joined')).toHaveAttribute('data-count', String(count))
}

export async function expectOnline(page: Page, name: string, online: boolean): Promise<void> {
  await expect(deviceRow(page, name)).toHaveAttribute('data-online', String(online))
}
