/**
 * The main workflow by hand, from the first start to the finished deployment: real app, real agents, real
 * packages.
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setUp, signIn, signOut } from '../../pages/account.ts'
import { expectStatus, expectTarget, openTarget, targetRow } from '../../pages/deployment.ts'
import { expectJoined, expectOnline, makeEnrollmentCode } from '../../pages/devices.ts'
import { closeSheet, goTo, hubFoot } from '../../pages/shell.ts'
import { addSoftware, upload } from '../../pages/software.ts'
import { deploy, planUpToReview, preflightGroup } from '../../pages/wizard.ts'
import { signIn as apiSignIn } from '../../support/api.ts'
import { expect, saveScreenshot, test } from '../../support/fixtures.ts'
import { writeDeb, writeScript } from '../../support/packages.ts'

test('from the first start to a finished deployment, by hand', async ({
  launch,
  folder,
  agent,
}) => {
  const { page, consoleUrl } = await launch()
  await setUp(page)
  await expect(hubFoot(page)).toContainText(/:\d+/)
  await saveScreenshot(page, 'empty-console')

  const code = await makeEnrollmentCode(page)
  const agents = [await agent('RECEPTION', code), await agent('LAB-01', code)]
  await expectJoined(page, 2)
  await saveScreenshot(page, 'add-devices')
  await page.getByTestId('add-devices-done').click()
  for (const { name } of agents) await expectOnline(page, name, true)

  const script = await writeScript(folder, 'tools.sh', [
    'echo "step one"',
    'sleep 3',
    'echo "step <b>two</b>"',
    'mkdir -p "$DEPLOYX_INSTALL_ROOT/opt/tools"',
    'echo run >> "$DEPLOYX_INSTALL_ROOT/opt/tools/runs"',
  ])
  await addSoftware(page, script, 'Office tools')

  await planUpToReview(page, {
    name: 'Tools for all',
    software: ['Office tools'],
    devices: ['RECEPTION', 'LAB-01'],
  })
  await expect(preflightGroup(page, 'ready')).toContainText('2')
  await expect(page.getByTestId('wizard-deploy')).toHaveText('Deploy to 2 PCs')
  await saveScreenshot(page, 'wizard-review')
  await page.getByTestId('wizard-deploy').click()

  await expectTarget(page, 'LAB-01', 'installing')
  await saveScreenshot(page, 'live-deployment')
  const sheet = await openTarget(page, 'LAB-01')
  await expect(sheet.getByTestId('target-output')).toContainText('step one')
  await expectStatus(page, 'completed')
  // Markup in the installer's output is shown as text.
  await expect(sheet.getByTestId('target-output')).toContainText('step <b>two</b>')
  await saveScreenshot(page, 'target-output')
  await closeSheet(page)
  for (const { name, installRoot } of agents) {
    await expectTarget(page, name, 'completed')
    expect(await readFile(join(installRoot!, 'opt/tools/runs'), 'utf8')).toBe('run\n')
  }

  const api = await apiSignIn(consoleUrl)
  const { deployments } = await api.call('deployments.list', {})
  expect(deployments).toMatchObject([
    { name: 'Tools for all', status: 'completed', success_rate: 100, counts: { completed: 2 } },
  ])
  await goTo(page, 'dashboard')
  await saveScreenshot(page, 'dashboard')
})

test('a Debian package is inspected, installed by dpkg, and skipped where it is already installed', async ({
  launch,
  folder,
  agent,
}) => {
  test.skip(!existsSync('/usr/bin/dpkg'), 'there is no dpkg on this computer')
  const { page, consoleUrl } = await launch()
  await setUp(page)
  const code = await makeEnrollmentCode(page)
  const lab = await agent('LAB-01', code)
  await expectJoined(page, 1)
  await page.getByTestId('add-devices-done').click()

  const file = await writeDeb(folder, {
    name: 'dx-greeter',
    version: '1.2.3',
    files: { 'opt/dx-greeter/greeting': 'hello\n' },
  })
  const readout = await upload(page, file)
  await expect(readout.getByTestId('readout-name')).toHaveValue('dx-greeter')
  await expect(readout.getByTestId('readout-version')).toHaveValue('1.2.3')
  await readout.getByTestId('readout-save').click()
  await expect(page.getByTestId('readout-form')).toHaveCount(0)

  const plan = { software: ['dx-greeter'], devices: ['LAB-01'] }
  await deploy(page, { ...plan, name: 'First' })
  await expectStatus(page, 'completed')
  expect(await readFile(join(lab.installRoot!, 'opt/dx-greeter/greeting'), 'utf8')).toBe('hello\n')

  // The review already knows, so there is nothing to deploy.
  await planUpToReview(page, { ...plan, name: 'Second' })
  await expect(preflightGroup(page, 'will_skip')).toContainText('LAB-01')
  await expect(page.getByTestId('wizard-deploy')).toBeDisabled()

  // If a script orders it through the API anyway, the agent itself skips it.
  const api = await apiSignIn(consoleUrl)
  const { devices } = await api.call('devices.list', {})
  const { software } = await api.call('software.list', {})
  const { deployment_id } = await api.call('deployments.create', {
    body: {
      name: 'Second',
      device_ids: devices.map(({ id }) => id),
      software_ids: software.map(({ id }) => id),
    },
  })
  await page.goto(`app://deployx/index.html#/deployments/${deployment_id}`)
  await expectTarget(page, 'LAB-01', 'skipped')
  await expect(targetRow(page, 'LAB-01')).toHaveAttribute('data-reason', 'already_installed')
  await expectStatus(page, 'completed')
})

test('a user stays signed in after a restart, and signed out after signing out', async ({
  launch,
}) => {
  const first = await launch()
  await setUp(first.page)
  await first.close()

  const second = await launch()
  await expect(second.page.getByTestId('nav-dashboard')).toBeVisible()
  // The specs' Linux has no keyring, and the user sees what that means.
  if (process.platform === 'linux') {
    await goTo(second.page, 'settings')
    await expect(second.page.getByTestId('token-unprotected')).toBeVisible()
  }
  await signOut(second.page)
  await second.close()

  const third = await launch()
  await expect(third.page.getByTestId('login-username')).toBeVisible()
  await signIn(third.page)
})
