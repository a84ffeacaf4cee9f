/** A deployment in waves is paused, resumed, or stopped, by its own rules and by hand. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setUp } from '../../pages/account.ts'
import { expectStatus, expectTarget, openTarget, targetRow } from '../../pages/deployment.ts'
import { closeSheet, goTo } from '../../pages/shell.ts'
import { addSoftware } from '../../pages/software.ts'
import {
  deploy,
  next,
  openWizard,
  planUpToStrategy,
  softwareItem,
  start,
  toReview,
} from '../../pages/wizard.ts'
import { signIn } from '../../support/api.ts'
import { expect, saveScreenshot, test } from '../../support/fixtures.ts'
import { writeScript } from '../../support/packages.ts'

const PAUSE_LIMIT_MS = 30_000

test('a failed pilot PC pauses the rest; a user resumes; a retry keeps the first attempt', async ({
  launch,
  folder,
  agents,
}) => {
  const { page, consoleUrl } = await launch()
  await setUp(page)
  const [first, ...others] = await agents(await signIn(consoleUrl), ['PC-1', 'PC-2', 'PC-3'])
  for (const agent of others) await writeFile(join(agent.installRoot!, 'licence'), '')
  const script = await writeScript(folder, 'licensed.sh', [
    '[ -e "$DEPLOYX_INSTALL_ROOT/licence" ] || { echo "no licence file"; exit 7; }',
    'echo licensed',
  ])
  await addSoftware(page, script, 'Licensed')

  await planUpToStrategy(page, {
    name: 'Carefully',
    software: ['Licensed'],
    devices: ['PC-1', 'PC-2', 'PC-3'],
  })
  await page.getByTestId('wizard-strategy-canary').check()
  await page.getByTestId('wizard-canary-unit-pcs').check()
  await page.getByTestId('wizard-canary').fill('0')
  await next(page)
  await expect(page.getByTestId('wizard-error')).toHaveText(
    'PCs in the pilot: a whole number from 1 to 10,000.',
  )
  await expect(page.getByTestId('wizard-canary')).toBeFocused()
  await page.getByTestId('wizard-canary').fill('1')
  await expect(page.getByTestId('wizard-waves')).toHaveText('1 PC first, then 2.')
  await page.getByTestId('wizard-failure-percent').fill('50')
  await toReview(page)
  await expect(page.getByTestId('plan-wave-1')).toHaveText('1 PC: PC-1')
  await expect(page.getByTestId('plan-wave-2')).toHaveText('2 PCs: PC-2, PC-3')
  await expect(page.getByTestId('preflight-asked')).toContainText('3 PCs checked just now')
  await start(page)

  const notice = page.getByTestId('deployment-notice')
  await expect(notice).toHaveAttribute('data-kind', 'failures', { timeout: PAUSE_LIMIT_MS })
  await expect(notice).toContainText(/Paused: 1 of 1 .*100%.*the failure threshold is 50%/)
  await expect(page.getByTestId('deployment-wave')).toHaveText('Wave 1 of 2')
  await expect(page.getByTestId('pause-deployment')).toHaveCount(0)
  await expectTarget(page, 'PC-1', 'failed')
  await expect(targetRow(page, 'PC-2')).toHaveAttribute('data-reason', 'waiting_for_wave')
  await expect(targetRow(page, 'PC-2')).toHaveAttribute('data-wave', '2')
  await saveScreenshot(page, 'paused-by-failures')

  await page.getByTestId('resume-deployment').click()
  await expectStatus(page, 'partial')
  await expect(notice).toHaveCount(0)
  for (const { name } of others) await expectTarget(page, name, 'completed')

  await writeFile(join(first!.installRoot!, 'licence'), '')
  await page.getByTestId('retry-failed').click()
  await expectStatus(page, 'completed')
  const sheet = await openTarget(page, 'PC-1')
  await expect(sheet.getByTestId('target-output')).toContainText('licensed')
  await expect(sheet.getByTestId('attempt')).toHaveCount(2)
  const firstTry = sheet.locator('[data-testid=attempt][data-attempt="1"]')
  await expect(firstTry).toContainText('7: ')
  await firstTry.click()
  await expect(sheet.getByTestId('target-output')).toContainText('no licence file')
  await saveScreenshot(page, 'earlier-attempt')
  await closeSheet(page)
})

test('a user pauses: running installers finish, nothing new starts until it is resumed', async ({
  launch,
  folder,
  agents,
}) => {
  const { page, consoleUrl } = await launch()
  await setUp(page)
  await agents(await signIn(consoleUrl), ['PC-1', 'PC-2'])
  const script = await writeScript(folder, 'slow.sh', ['sleep 3'])
  await addSoftware(page, script, 'Slow')
  await planUpToStrategy(page, { name: 'By hand', software: ['Slow'], devices: ['PC-1', 'PC-2'] })
  await page.getByTestId('wizard-max-concurrent').fill('1')
  await toReview(page)
  await start(page)

  await expectTarget(page, 'PC-1', 'installing')
  await page.getByTestId('pause-deployment').click()
  const notice = page.getByTestId('deployment-notice')
  await expect(notice).toHaveAttribute('data-kind', 'paused')
  await expect(notice).toContainText('Paused by anna.')
  await expectTarget(page, 'PC-1', 'completed')
  await expect(targetRow(page, 'PC-2')).toHaveAttribute('data-status', 'pending')
  await expect(targetRow(page, 'PC-2')).toHaveAttribute('data-reason', 'paused')

  await page.getByTestId('resume-deployment').click()
  await expect(notice).toHaveCount(0)
  await expectTarget(page, 'PC-2', 'completed')
  await expectStatus(page, 'completed')
})

test('the emergency stop asks first, then cancels every active deployment', async ({
  launch,
  folder,
  agents,
}) => {
  const { page, consoleUrl } = await launch()
  await setUp(page)
  const api = await signIn(consoleUrl)
  await agents(api, ['PC-1'])
  await addSoftware(page, await writeScript(folder, 'long.sh', ['sleep 4']), 'Long')
  const [software, device] = [
    (await api.call('software.list', {})).software[0]!,
    (await api.call('devices.list', {})).devices[0]!,
  ]
  for (const name of ['First', 'Second'])
    await api.call('deployments.create', {
      body: { name, software_ids: [software.id], device_ids: [device.id] },
    })
  await goTo(page, 'deployments')
  await expect(page.getByTestId('stop-all')).toBeVisible()
  await expect
    .poll(
      async () => (await api.call('deployments.list', {})).deployments.at(-1)?.counts.installing,
    )
    .toBe(1)

  // Opened from the palette, then cancelled.
  await page.getByTestId('open-palette').click()
  await page.getByTestId('palette').getByRole('option', { name: 'Stop all deployments' }).click()
  await expect(page.getByRole('dialog')).toContainText('Stop all 2 deployments?')
  await page.getByTestId('confirm-no').click()

  await page.getByTestId('stop-all').click()
  await expect(page.getByRole('dialog')).toContainText('1 running installer continues to its end')
  await page.getByTestId('confirm-yes').click()
  await expect(page.getByText('2 deployments are being stopped', { exact: true })).toBeVisible()
  await expect(page.getByTestId('stop-all')).toHaveCount(0)
  const row = (name: string) =>
    page.locator(`[data-testid=deployment-row][data-deployment-name="${name}"]`)
  for (const name of ['First', 'Second'])
    await expect(row(name)).toHaveAttribute('data-status', 'canceled')
  const { deployments } = await api.call('deployments.list', {})
  expect(deployments.map((d) => [d.name, d.counts.completed])).toEqual([
    ['Second', 0],
    ['First', 1],
  ])
})

test('the wizard offers the prerequisites of a software, and they are installed first', async ({
  launch,
  folder,
  agents,
}) => {
  const { page, consoleUrl } = await launch()
  await setUp(page)
  await agents(await signIn(consoleUrl), ['PC-1'])
  await addSoftware(page, await writeScript(folder, 'runtime.sh', ['true']), 'Runtime')
  await addSoftware(page, await writeScript(folder, 'office.sh', ['true']), 'Office')
  await page.locator('[data-testid=software-row][data-software-name=Office]').click()
  await page.getByTestId('needs-add').click()
  await page.getByTestId('needs-candidate').click()
  await expect(page.getByTestId('needs-item')).toHaveAttribute('data-software-name', 'Runtime')
  await closeSheet(page)

  await openWizard(page)
  await softwareItem(page, 'Office').click()
  await expect(page.getByTestId('wizard-needs')).toContainText('Office needs Runtime')
  await next(page)
  await expect(page.getByTestId('wizard-error')).toBeVisible()
  await page.getByTestId('wizard-add-needs').click()
  await expect(page.getByTestId('wizard-needs')).toHaveCount(0)
  await page.getByTestId('wizard-discard').click()
  await page.getByTestId('confirm-yes').click()
  await deploy(page, { name: 'Both', software: ['Runtime', 'Office'], devices: ['PC-1'] })
  await expectStatus(page, 'completed')
})
