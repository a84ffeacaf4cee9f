/**
 * The console serves the agents that it was built with: the copied command line downloads one, and its hash
 * matches.
 */
import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { setUp } from '../../pages/account.ts'
import { goTo } from '../../pages/shell.ts'
import { expect, saveScreenshot, test } from '../../support/fixtures.ts'

const run = promisify(execFile)
const FETCH_LIMIT_MS = 60_000

test('the command line for Linux downloads the agent inside the app, verifies it, and starts it', async ({
  launch,
  folder,
}) => {
  test.skip(process.platform !== 'linux', 'the line is run here, and it is for Linux')
  const { page } = await launch()
  await setUp(page)
  await goTo(page, 'devices')
  await page.getByTestId('add-devices').click()
  await page.getByTestId('enroll-tab-linux').click()
  const line = (await page.getByTestId('enroll-command-linux').textContent()) ?? ''
  test.skip(!line.includes('/agent/download/'), 'no agents were built here: npm run package:agent')
  await saveScreenshot(page, 'add-devices-line-for-linux')

  const pc = join(folder, 'pc')
  await mkdir(pc)
  // All but the last step, which would change this computer.
  const lastStep = /\.\/deployx-agent install-service --code DX1\.[^"]+/
  expect(line).toMatch(lastStep)
  const harmless = line
    .replace(lastStep, './deployx-agent --version')
    .replace('~root', pc)
    .replace('s=sudo', 's=')
  const shell = (text: string) => run('sh', ['-c', text], { cwd: pc, timeout: FETCH_LIMIT_MS })
  const { stdout } = await shell(harmless)
  expect(stdout).toMatch(/deployx-agent: OK\n\d+\.\d+\.\d+\n$/)

  await page.getByTestId('add-way-digits').click()
  await page.getByTestId('discover-tab-linux').click()
  await expect(page.getByTestId('discover-command-linux')).toContainText('sha256sum -c')
  await expect(page.getByTestId('discover-command-linux')).toContainText(
    './deployx-agent install-service',
  )
})
