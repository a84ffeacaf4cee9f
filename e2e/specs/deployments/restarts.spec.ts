/**
 * Restarting PCs is chosen in the wizard, shown before and after, and reported for PCs that cannot restart.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { projectRoot } from '../../../build/support/project.ts'
import { setUp } from '../../pages/account.ts'
import { expectStatus, openTarget, targetRow } from '../../pages/deployment.ts'
import { addSoftware } from '../../pages/software.ts'
import { next, planUpToStrategy, start, toReview } from '../../pages/wizard.ts'
import { closeSheet } from '../../pages/shell.ts'
import { signIn } from '../../support/api.ts'
import { expect, saveScreenshot, test } from '../../support/fixtures.ts'
import { writeScript } from '../../support/packages.ts'

test('restarts are off until a user chooses them, with a notice to the people at the PCs', async ({
  launch,
  folder,
  agents,
}) => {
  const { page, consoleUrl } = await launch()
  await setUp(page)
  const api = await signIn(consoleUrl)
  // Agents that run from the sources do not restart their PC, and report that.
  await agents(api, ['PC-1'])
  await addSoftware(page, await writeScript(folder, 'tool.sh', ['echo done']), 'Tool')
  await planUpToStrategy(page, { name: 'With restarts', software: ['Tool'], devices: ['PC-1'] })

  await expect(page.getByTestId('wizard-reboot-never')).toBeChecked()
  await expect(page.getByTestId('wizard-reboot-minutes')).toHaveCount(0)
  await page.getByTestId('wizard-reboot-if_needed').check()
  await expect(page.getByTestId('wizard-reboot-minutes')).toHaveValue('10')
  await page.getByTestId('wizard-reboot-minutes').fill('0')
  await next(page)
  await expect(page.getByTestId('wizard-error')).toContainText('Notice of a restart:')
  await expect(page.getByTestId('wizard-reboot-minutes')).toBeFocused()
  await page.getByTestId('wizard-reboot-minutes').fill('25')
  await expect(page.getByTestId('wizard-summary')).toContainText(
    'Restarts PCs that need it, 25 min notice',
  )
  await toReview(page)
  await expect(page.getByTestId('plan-restarts')).toHaveText(
    'PCs whose installer asks for it, 25 minutes after a notice on their screens',
  )
  await expect(page.getByTestId('plan-no-restarts')).toContainText(
    'PC-1: Its agent installs into a folder',
  )
  await saveScreenshot(page, 'review-with-restarts')
  const id = await start(page)
  await expectStatus(page, 'completed')
  // Its installer did not request one.
  await expect(page.getByTestId('restarts')).toHaveCount(0)
  const deployment = await api.call('deployments.get', { params: { id } })
  expect(deployment).toMatchObject({ reboot: 'if_needed', reboot_delay_minutes: 25 })
})

/**
 * Two things are FAKED: the command that restarts a PC, which is only recorded, and the installer's request
 * for a restart, which no installer on this platform makes; it is written into the store.
 */
test('the restart of one PC is cancelled, and the other one keeps its notice', async ({
  launch,
  folder,
  agent,
}) => {
  const { page, consoleUrl, dataDir } = await launch()
  await setUp(page)
  const api = await signIn(consoleUrl)
  const { code } = await api.call('enrollments.create', { body: { max_uses: 2 } })
  const fakeOf = (name: string) => join(folder, 'fake', name)
  for (const name of ['PC-1', 'PC-2']) {
    await mkdir(fakeOf(name), { recursive: true })
    await writeFile(join(fakeOf(name), 'boot'), 'boot-1')
    const fake = join(projectRoot, 'agent', 'test-kit', 'fake-restart.ts')
    await agent(name, code, { program: [fake, fakeOf(name)] })
  }
  const calls = async (name: string) =>
    (await readFile(join(fakeOf(name), 'calls'), 'utf8')).split('\n').filter(Boolean)
  await addSoftware(page, await writeScript(folder, 'tool.sh', ['echo done']), 'Tool')
  const devices = ['PC-1', 'PC-2']
  await planUpToStrategy(page, { name: 'With restarts', software: ['Tool'], devices })
  await page.getByTestId('wizard-reboot-if_needed').check()
  await page.getByTestId('wizard-reboot-minutes').fill('25')
  await toReview(page)
  await start(page)
  await expectStatus(page, 'completed')
  const store = new Database(join(dataDir, 'deployx.db'))
  store.exec("update deployment_targets set reason = 'reboot_pending'")
  store.close()
  for (const name of devices)
    await expect(targetRow(page, name)).toHaveAttribute('data-restart', 'announced')

  const sheet = await openTarget(page, 'PC-1')
  await saveScreenshot(page, 'restart-announced')
  await sheet.getByTestId('target-cancel-restart').click()
  const question = page.getByRole('dialog').filter({ hasText: 'Cancel the restart of PC-1?' })
  await expect(question).toContainText(/The PC shows a notice that it restarts .*\d\d:\d\d/)
  await saveScreenshot(page, 'restart-cancel')
  await page.getByTestId('confirm-no').click()
  await expect(targetRow(page, 'PC-1')).toHaveAttribute('data-restart', 'announced')

  await sheet.getByTestId('target-cancel-restart').click()
  await page.getByTestId('confirm-yes').click()
  await expect(targetRow(page, 'PC-1')).toHaveAttribute('data-restart', 'canceled')
  await expect(sheet).toContainText('restart cancelled, still needed')
  await expect(sheet.getByTestId('target-cancel-restart')).toHaveCount(0)
  await closeSheet(page)
  await expect(page.getByTestId('restarts')).toHaveText('Restarts · 1 announced, 1 cancelled')
  expect((await calls('PC-1')).at(-1)).toBe('["-c"]')
  expect((await calls('PC-2')).join()).not.toContain('-c')

  // The row offers it too.
  await expect(targetRow(page, 'PC-1').getByTestId('target-row-cancel-restart')).toHaveCount(0)
  await targetRow(page, 'PC-2').getByTestId('target-row-cancel-restart').click()
  await page.getByTestId('confirm-yes').click()
  await expect(targetRow(page, 'PC-2')).toHaveAttribute('data-restart', 'canceled')
  await expect(page.getByTestId('restarts')).toHaveText('Restarts · 2 cancelled')
})
