/**
 * Two people in two windows: an administrator's changes reach a technician immediately and are in the audit
 * log.
 */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import { projectRoot } from '../../../build/support/project.ts'
import { fillSignIn, setUp } from '../../pages/account.ts'
import { closeSheet, goTo } from '../../pages/shell.ts'
import { addTechnician, auditSentences, confirm, openUsers, userRow } from '../../pages/users.ts'
import { signIn } from '../../support/api.ts'
import { openBrowserWindow, saveNextDownload } from '../../support/second-window.ts'
import { expect, saveScreenshot, test } from '../../support/fixtures.ts'

const FIRST_PASSWORD = 'a first password'
const OWN_PASSWORD = 'her own password now'

/** Saves screenshots in both themes and two sizes, for people who want to see what the spec saw. */
async function keepBoth(page: Page, name: string): Promise<void> {
  for (const theme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme: theme })
    await saveScreenshot(page, `${name}-${theme}`)
  }
}

test('an administrator adds, resets and disables a user; the technician sees only their own data and is signed out live', async ({
  launch,
  agents,
}) => {
  test.setTimeout(150_000)
  const app = await launch()
  const { page } = app
  await setUp(page)
  await agents(await signIn(app.consoleUrl), ['LAB-01'])

  await openUsers(page)
  await addTechnician(page, 'tina', FIRST_PASSWORD)
  await keepBoth(page, 'user-sheet')

  // A generated password is shown once and is valid for one sign-in.
  await page.getByTestId('reset-password').click()
  await confirm(page)
  const given = await page.getByTestId('generated-password').innerText()
  expect(given).toMatch(/^[a-z2-9]{4}(-[a-z2-9]{4}){3}$/)
  await keepBoth(page, 'user-password-shown')
  await closeSheet(page)
  await expect(page.getByText(given)).toHaveCount(0)

  const second = await openBrowserWindow(app)
  await fillSignIn(second, { username: 'tina', password: FIRST_PASSWORD })
  await expect(second.getByTestId('failure')).toHaveAttribute('data-code', 'E_CREDENTIALS')
  await fillSignIn(second, { username: 'tina', password: given })
  await second.getByTestId('old-password').fill(given)
  await second.getByTestId('new-password').fill('tina')
  await second.getByTestId('change-password-submit').click()
  await expect(second.getByText('It must be at least 8 characters.')).toBeVisible()
  await keepBoth(second, 'choose-password')
  await second.getByTestId('new-password').fill(OWN_PASSWORD)
  await second.getByTestId('change-password-submit').click()
  await expect(second.getByTestId('nav-dashboard')).toBeVisible()

  // The administrator's devices are not visible to this technician.
  await goTo(second, 'devices')
  await expect(second.getByTestId('device-row')).toHaveCount(0)
  await goTo(second, 'settings')
  await expect(second.getByTestId('session-row')).toHaveCount(1)
  await expect(second.getByTestId('manage-users')).toHaveCount(0)
  await keepBoth(second, 'settings-technician')
  await goTo(second, 'audit')
  await expect(auditSentences(second).first()).toContainText('tina')
  await expect(second.getByTestId('audit-proof')).toHaveCount(0)

  // Disabled: the technician's window shows the sign-in page without any request of its own.
  await userRow(page, 'tina').click()
  await page.getByTestId('disable-user').click()
  await confirm(page)
  await expect(second.getByText('Your session has ended.')).toBeVisible({ timeout: 10_000 })
  await fillSignIn(second, { username: 'tina', password: OWN_PASSWORD })
  await expect(second.getByTestId('failure')).toHaveAttribute('data-code', 'E_ACCOUNT_DISABLED')
  await expect(page.getByTestId('user-state')).toHaveText('Disabled')
  await closeSheet(page)
  await keepBoth(page, 'users')

  await userRow(page, 'tina').click()
  await page.getByTestId('remove-user').click()
  await expect(page.getByTestId('removal-consequences')).toContainText('It owns nothing.')
  await keepBoth(page, 'user-remove')
  await page.getByTestId('remove-user-yes').click()
  await expect(userRow(page, 'tina')).toHaveCount(0)
  await goTo(page, 'settings')
  await expect(page.getByTestId('session-row').first()).toContainText('DeployX')
  await keepBoth(page, 'settings-admin')

  // The audit log contains all of it, with its proof.
  await goTo(page, 'audit')
  for (const sentence of [
    'anna removed user tina',
    'anna changed user tina',
    'tina changed their own password',
    'tina signed in',
    'A sign-in as tina was refused',
    'anna reset the password of user tina',
    'anna added user tina',
  ])
    await expect(auditSentences(page).filter({ hasText: sentence }).first()).toBeVisible()
  await expect(page.getByTestId('audit-proof')).toHaveAttribute('data-whole', 'true')
  await keepBoth(page, 'audit')
  await page.getByTestId('audit-search').fill('tina')
  await expect(auditSentences(page).filter({ hasText: 'LAB-01' })).toHaveCount(0)
  await auditSentences(page).filter({ hasText: 'anna added user tina' }).click()
  await expect(page.getByTestId('audit-sheet')).toContainText('of the hash chain')
  await keepBoth(page, 'audit-entry')
  await closeSheet(page)
  await page.getByTestId('audit-proof').click()
  await keepBoth(page, 'audit-proof')
  await page.keyboard.press('Escape')
  await page.setViewportSize({ width: 1920, height: 1080 })
  await page.getByTestId('audit-clear').click()
  await keepBoth(page, 'audit-large')
})

test('the exported audit log can be verified without the controller', async ({
  launch,
  folder,
}) => {
  const app = await launch()
  const { page } = app
  await setUp(page)
  await goTo(page, 'audit')
  for (const form of ['csv', 'jsonl'] as const) {
    const file = join(folder, `trail.${form}`)
    await saveNextDownload(app, file)
    await page.getByTestId('audit-export').click()
    await page.getByTestId(`export-${form}`).click()
    await expect.poll(() => prove(file)).toContain('The audit log is intact')
    expect(await readFile(file, 'utf8')).toContain('user.setup')
  }
})

const prove = (file: string): Promise<string> =>
  new Promise((resolve) => {
    const program = join(projectRoot, 'main', 'audit.ts')
    execFile(process.execPath, [program, '--file', file], { timeout: 30_000 }, (_error, out, err) =>
      resolve(out + err),
    )
  })
