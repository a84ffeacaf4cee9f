import { basename } from 'node:path'
import { expect, type Locator, type Page } from '@playwright/test'
import { goTo } from './shell.ts'

/** The form appears after the last byte: hundreds of megabytes take a while on a busy disk. */
const UPLOAD_LIMIT_MS = 60_000

export const softwareRow = (page: Page, name: string): Locator =>
  page.locator(`[data-testid=software-row][data-software-name="${name}"]`)

/** Uploads an installer and returns the form with the details read from it. */
export async function upload(page: Page, file: string): Promise<Locator> {
  await goTo(page, 'software')
  await page.getByTestId('upload-input').setInputFiles(file)
  const item = page.getByTestId('upload-item').filter({ has: page.getByTestId('readout-form') })
  await expect(item, `the details of ${basename(file)}`).toBeVisible({ timeout: UPLOAD_LIMIT_MS })
  return item
}

/** Uploads an installer and saves it with the details read from it. */
export async function addSoftware(page: Page, file: string, name: string): Promise<void> {
  const item = await upload(page, file)
  await item.getByTestId('readout-name').fill(name)
  await item.getByTestId('readout-save').click()
  await expect(page.getByTestId('readout-form')).toHaveCount(0)
  await expect(page.getByTestId('upload-sheet')).toHaveCount(0)
  await expect(softwareRow(page, name)).toBeVisible()
}
