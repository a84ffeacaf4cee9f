/**
 * Unavailable PCs: an offline one fails with an explanation while the others continue; one whose agent dies
 * during a download loses nothing.
 */
import { existsSync } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { until } from '#shared/test-kit/until.ts'
import { setUp } from '../../pages/account.ts'
import { expectStatus, expectTarget, targetRow } from '../../pages/deployment.ts'
import { deviceRow } from '../../pages/devices.ts'
import { closeSheet, goTo } from '../../pages/shell.ts'
import { addSoftware } from '../../pages/software.ts'
import { deploy } from '../../pages/wizard.ts'
import { signIn } from '../../support/api.ts'
import { expect, saveScreenshot, test } from '../../support/fixtures.ts'
import { writeScript } from '../../support/packages.ts'

/** A controller that has just started treats no PC as offline for a minute. */
const GRACE_LIMIT_MS = 90_000
/** Large enough to interrupt the download while it runs. */
const LARGE_BYTES = 768 * 1024 * 1024

test('an offline PC fails with an explanation and the others are deployed to', async ({
  launch,
  folder,
  agents,
}) => {
  test.setTimeout(180_000)
  const { page, consoleUrl } = await launch()
  await setUp(page)
  const [, gone] = await agents(await signIn(consoleUrl), ['LAB-01', 'RECEPTION'])
  await gone!.kill()
  const script = await writeScript(folder, 'tool.sh', ['echo done'])
  await addSoftware(page, script, 'Tool')
  await deploy(page, { name: 'Tool', software: ['Tool'], devices: ['LAB-01', 'RECEPTION'] })

  await expectTarget(page, 'LAB-01', 'completed')
  await expectStatus(page, 'partial', GRACE_LIMIT_MS)
  await expect(targetRow(page, 'RECEPTION')).toHaveAttribute('data-status', 'failed')
  await expect(targetRow(page, 'RECEPTION')).toHaveAttribute('data-reason', 'offline')
  await expect(targetRow(page, 'RECEPTION')).toContainText('offline')
  await saveScreenshot(page, 'offline-target')

  await goTo(page, 'devices')
  await deviceRow(page, 'RECEPTION').click()
  await expect(page.getByTestId('device-status-command')).toContainText('deployx-agent status')
  for (const theme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme: theme })
    await saveScreenshot(page, `offline-device-${theme}`)
  }
  await closeSheet(page)
  await deviceRow(page, 'LAB-01').click()
  await expect(page.getByTestId('device-state')).toHaveText('Online')
  await expect(page.getByTestId('device-offline-help')).toHaveCount(0)
})

test('an agent that is killed during a download resumes it and installs once', async ({
  launch,
  folder,
  agents,
}) => {
  test.setTimeout(180_000)
  const { page, consoleUrl } = await launch()
  await setUp(page)
  const [lab] = await agents(await signIn(consoleUrl), ['LAB-01'])
  const script = await writeScript(folder, 'large.sh', [
    'echo run >> "$DEPLOYX_INSTALL_ROOT/runs"',
    'exit 0',
  ])
  // The shell stops reading at `exit`; the rest only makes the file large.
  const file = await open(script, 'r+')
  await file.truncate(LARGE_BYTES)
  await file.close()
  await addSoftware(page, script, 'Large')
  await deploy(page, { name: 'Large', software: ['Large'], devices: ['LAB-01'] })
  await expect(targetRow(page, 'LAB-01')).toHaveAttribute('data-status', 'downloading')

  await lab!.kill()
  const runs = join(lab!.installRoot!, 'runs')
  expect(existsSync(runs)).toBe(false)
  await lab!.restart()

  await expectStatus(page, 'completed', GRACE_LIMIT_MS)
  await until('the installer ran', () => existsSync(runs))
  expect(await readFile(runs, 'utf8')).toBe('run\n')
})
