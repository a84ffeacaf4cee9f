/**
 * The controller moves to another computer: its keys are rotated, it is backed up, and a new computer takes
 * over.
 */
import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { chromium } from '@playwright/test'
import { until } from '#shared/test-kit/until.ts'
import { setUp, signIn } from '../../pages/account.ts'
import { PASSPHRASE, restoreFrom, saveDownloadsAs, saveRecoveryFile } from '../../pages/settings.ts'
import { goTo } from '../../pages/shell.ts'
import { softwareRow } from '../../pages/software.ts'
import { signIn as signInToApi } from '../../support/api.ts'
import { expect, saveScreenshot, test } from '../../support/fixtures.ts'
import { writeScript } from '../../support/packages.ts'
import { untilEnded } from '../../support/processes.ts'
import { serve } from '../../support/serve.ts'

test('a recovery file saved after a key rotation turns a new computer into the controller', async ({
  launch,
  folder,
  agents,
}) => {
  test.setTimeout(240_000)
  const first = await launch()
  const { page } = first
  await setUp(page)
  const api = await signInToApi(first.consoleUrl)
  await agents(api, ['LAB-01'])
  const script = await writeScript(folder, 'tool.sh', ['exit 0'])
  await api.upload(script)
  const file = join(folder, 'deployx.recovery')
  await saveDownloadsAs(first.electron, file)

  await goTo(page, 'settings')
  await expect(page.getByTestId('recovery-note')).toContainText('No recovery file has been saved')
  const fingerprint = page.getByTestId('keys-fingerprint')
  const before = await fingerprint.textContent()
  await saveRecoveryFile(page, true)
  await expect(page.getByTestId('recovery-note')).toHaveCount(0)
  const sizeOf = async () => (existsSync(file) ? (await stat(file)).size : 0)
  await until('the file is on disk', async () => (await sizeOf()) > 10_000)

  await page.getByTestId('change-keys').click()
  await page.getByTestId('change-keys-submit').click()
  await expect(page.getByTestId('change-keys-form')).toHaveCount(0)
  await expect(fingerprint).not.toHaveText(before!)
  await expect(page.getByTestId('hub-fingerprint')).not.toHaveText(before!)
  await expect(page.getByTestId('keys-followed')).toHaveText('the only PC uses the new keys')
  await expect(page.getByTestId('recovery-note')).toContainText('older than the keys')
  await saveRecoveryFile(page, false)
  await expect(page.getByTestId('recovery-note')).toHaveCount(0)
  await saveScreenshot(page, 'controller-keys')
  const after = await fingerprint.textContent()
  await first.close()

  const home = join(folder, 'new')
  const empty = await launch({ home })
  await restoreFrom(empty.page, file, 'keep', 'not the passphrase')
  await expect(empty.page.getByTestId('failure')).toHaveAttribute('data-code', 'E_PASSPHRASE')
  await saveScreenshot(empty.page, 'restore')
  await empty.page.getByTestId('restore-passphrase').fill(PASSPHRASE)
  await empty.page.getByTestId('restore-submit').click()
  // In non-interactive mode it exits, so the spec starts it again.
  await untilEnded(empty.child, 60_000)
  expect(empty.child.exitCode).toBe(0)

  const restored = await launch({ home })
  await signIn(restored.page)
  await goTo(restored.page, 'settings')
  await expect(restored.page.getByTestId('keys-fingerprint')).toHaveText(after!)
  await expect(restored.page.getByTestId('recovery-note')).toHaveCount(0)
  await goTo(restored.page, 'software')
  await expect(restored.page.getByTestId('files-missing')).toBeVisible()
  const row = softwareRow(restored.page, 'tool')
  await expect(row.getByTestId('row-file-missing')).toBeVisible()
  await row.click()
  const other = await writeScript(folder, 'other.sh', ['exit 1'])
  await restored.page.getByTestId('file-again-input').setInputFiles(other)
  await expect(restored.page.getByTestId('failure')).toHaveAttribute('data-code', 'E_CONFLICT')
  await saveScreenshot(restored.page, 'file-missing')
  await restored.page.getByTestId('file-again-input').setInputFiles(script)
  await expect(restored.page.getByTestId('file-missing')).toHaveCount(0)
  await expect(restored.page.getByTestId('files-missing')).toHaveCount(0)
})

const CHROMIUM = '/usr/bin/chromium'

test('in a browser, the same process continues as the restored controller with new keys', async ({
  folder,
}) => {
  test.skip(!existsSync(CHROMIUM), 'there is no browser: apt-get install chromium')
  test.setTimeout(120_000)
  const [lost, next] = [await serve(join(folder, 'lost')), await serve(join(folder, 'next'))]
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  })
  try {
    const owner = await browser.newPage()
    await owner.goto(lost.consoleUrl)
    await setUp(owner)
    await goTo(owner, 'settings')
    const before = await owner.getByTestId('keys-fingerprint').textContent()
    const downloading = owner.waitForEvent('download')
    await saveRecoveryFile(owner, true)
    const download = await downloading
    expect(download.suggestedFilename()).toMatch(/^deployx-\d{4}-\d\d-\d\d\.recovery$/)
    const file = join(folder, 'saved.recovery')
    await download.saveAs(file)

    const page = await browser.newPage()
    await page.goto(next.consoleUrl)
    await restoreFrom(page, file, 'renew')
    await expect(page.getByTestId('login-username')).toBeVisible({ timeout: 60_000 })
    await signIn(page)
    await goTo(page, 'settings')
    await expect(page.getByTestId('keys-fingerprint')).not.toHaveText(before!)
    // The file contains keys that are no longer valid.
    await expect(page.getByTestId('recovery-note')).toContainText('older than the keys')
    expect(next.child.exitCode).toBeNull()
  } finally {
    await browser.close()
    await lost.stop()
    await next.stop()
  }
})
