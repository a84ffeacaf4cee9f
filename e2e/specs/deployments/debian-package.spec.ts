/** A third-party package, really installed on this computer: Debian's own `hello`. */
import { existsSync } from 'node:fs'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../../../build/support/run.ts'
import { setUp } from '../../pages/account.ts'
import { expectStatus, expectTarget, openTarget } from '../../pages/deployment.ts'
import { expectJoined, makeEnrollmentCode } from '../../pages/devices.ts'
import { upload } from '../../pages/software.ts'
import { deploy } from '../../pages/wizard.ts'
import { expect, saveScreenshot, test } from '../../support/fixtures.ts'

const isRootOnDebian = existsSync('/usr/bin/apt-get') && process.getuid?.() === 0

const dpkg = (...args: string[]) => run('dpkg', args, { timeoutMs: 60_000 })

async function download(folder: string): Promise<string> {
  await mkdir(folder)
  const result = await run('apt-get', ['download', 'hello'], { cwd: folder, timeoutMs: 120_000 })
  const file = (await readdir(folder)).find((name) => name.endsWith('.deb'))
  if (!file) throw new Error(`apt-get download hello failed: ${result.stderr}`)
  return join(folder, file)
}

test("Debian's hello, uploaded and deployed by hand, is installed on the PC", async ({
  launch,
  folder,
  agent,
}) => {
  test.skip(!isRootOnDebian, 'installing a package for real needs root and apt')
  test.setTimeout(180_000)
  await dpkg('--purge', 'hello')
  expect((await dpkg('-s', 'hello')).code).not.toBe(0)

  const { page } = await launch()
  await setUp(page)
  await agent('THIS-PC', await makeEnrollmentCode(page), { installRoot: null })
  await expectJoined(page, 1)
  await page.getByTestId('add-devices-done').click()

  const readout = await upload(page, await download(join(folder, 'deb')))
  await expect(readout.getByTestId('readout-name')).toHaveValue('hello')
  await expect(readout.getByTestId('readout-version')).toHaveValue(/^2\./)
  await readout.getByTestId('readout-save').click()
  await expect(page.getByTestId('readout-form')).toHaveCount(0)

  await deploy(page, { name: 'Hello', software: ['hello'], devices: ['THIS-PC'] })
  await expectTarget(page, 'THIS-PC', 'completed')
  await expectStatus(page, 'completed')
  const sheet = await openTarget(page, 'THIS-PC')
  await expect(sheet.getByTestId('target-output')).toContainText('Setting up hello')
  await saveScreenshot(page, 'debian-package')

  const status = await dpkg('-s', 'hello')
  expect(status.code).toBe(0)
  expect(status.stdout).toContain('Status: install ok installed')
  await dpkg('--purge', 'hello')
})
