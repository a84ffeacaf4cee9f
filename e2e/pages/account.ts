/** First start and sign-in. */
import { expect, type Page } from '@playwright/test'
import { ADMIN } from '../support/api.ts'

type Credentials = { username: string; password: string }

/** Creates the first account of a new console and waits until the console opens. */
export async function setUp(
  page: Page,
  { username, password }: Credentials = ADMIN,
): Promise<void> {
  await page.getByTestId('setup-username').fill(username)
  await page.getByTestId('setup-password').fill(password)
  await page.getByTestId('setup-submit').click()
  await expect(page.getByTestId('nav-dashboard')).toBeVisible()
}

export async function signIn(page: Page, credentials: Credentials = ADMIN): Promise<void> {
  await fillSignIn(page, credentials)
  await expect(page.getByTestId('nav-dashboard')).toBeVisible()
}

/** Fills in and submits the sign-in form, whatever the outcome. */
export async function fillSignIn(page: Page, { username, password }: Credentials): Promise<void> {
  await page.getByTestId('login-username').fill(username)
  await page.getByTestId('login-password').fill(password)
  await page.getByTestId('login-submit').click()
}

export async function signOut(page: Page): Promise<void> {
  await page.getByTestId('user-menu').click()
  await page.getByTestId('sign-out').click()
  await expect(page.getByTestId('login-username')).toBeVisible()
}
