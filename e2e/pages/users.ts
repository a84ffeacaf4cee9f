/** Users, the user sheet, and the audit page. */
import { expect, type Locator, type Page } from '@playwright/test'
import { goTo } from './shell.ts'

export async function openUsers(page: Page): Promise<void> {
  await goTo(page, 'settings')
  await page.getByTestId('manage-users').click()
  await expect(page).toHaveURL(/#\/settings\/users$/)
}

export const userRow = (page: Page, username: string): Locator =>
  page.locator(`[data-testid="user-row"][data-username="${username}"]`)

/** Adds a technician who keeps the password chosen here. */
export async function addTechnician(page: Page, username: string, password: string): Promise<void> {
  await page.getByTestId('add-user').click()
  await page.getByTestId('user-username').fill(username)
  await page.getByTestId('user-password').fill(password)
  await page.getByTestId('user-submit').click()
  await expect(page.getByTestId('user-sheet')).toContainText(username)
}

/** Confirms the open dialog. */
export async function confirm(page: Page): Promise<void> {
  await page.getByTestId('confirm-yes').click()
  await expect(page.getByTestId('confirm-yes')).toHaveCount(0)
}

/** The sentences of the audit log, newest first, as shown on the screen. */
export const auditSentences = (page: Page): Locator => page.getByTestId('audit-row')
