import { readFile } from 'node:fs/promises'
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

type DropWorld = {
  File: new (parts: unknown[], name: string) => unknown
  DataTransfer: new () => { items: { add: (file: unknown) => void } }
  DragEvent: new (type: string, init: object) => unknown
  dispatchEvent: (event: unknown) => void
  atob: (text: string) => string
}

/** Drops files onto the window. */
export async function dropFiles(page: Page, files: readonly string[]): Promise<void> {
  const dropped = await Promise.all(
    files.map(async (file) => [basename(file), (await readFile(file)).toString('base64')] as const),
  )
  await page.evaluate((list) => {
    const world = globalThis as unknown as DropWorld
    const dataTransfer = new world.DataTransfer()
    for (const [name, base64] of list) {
      const bytes = Uint8Array.from(world.atob(base64), (letter) => letter.charCodeAt(0))
      dataTransfer.items.add(new world.File([bytes], name))
    }
    for (const type of ['dragenter', 'dragover', 'drop'])
      world.dispatchEvent(new world.DragEvent(type, { dataTransfer, cancelable: true }))
  }, dropped)
}

/** The upload of this file, with the details read from it. */
export const uploadOf = (page: Page, fileName: string): Locator =>
  page.getByTestId('upload-item').and(page.getByRole('region', { name: fileName, exact: true }))

/** How reliable the value of a field is. */
export const levelOf = (upload: Locator, label: string): Locator =>
  upload
    .locator('[data-slot=labelWrapper]')
    .filter({ has: upload.page().getByText(label, { exact: true }) })
    .getByRole('note')

export async function saveDetails(upload: Locator): Promise<void> {
  await upload.getByTestId('readout-save').click()
  await expect(upload).toHaveCount(0)
}
