/** A failure is shown where it happened, with the next step. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setUp } from '../../pages/account.ts'
import { expectStatus, expectTarget, openTarget, targetRow } from '../../pages/deployment.ts'
import { addSoftware } from '../../pages/software.ts'
import { deploy, planUpToReview, preflightGroup } from '../../pages/wizard.ts'
import { signIn } from '../../support/api.ts'
import { closeSheet } from '../../pages/shell.ts'
import { expect, saveScreenshot, test } from '../../support/fixtures.ts'
import { writeScript } from '../../support/packages.ts'

test('a failed installer shows its exit code and output, and a retry runs that target only', async ({
  launch,
  folder,
  agents,
}) => {
  const { page, consoleUrl } = await launch()
  await setUp(page)
  const [good, bad] = await agents(await signIn(consoleUrl), ['GOOD', 'BAD'])
  const script = await writeScript(folder, 'licence.sh', [
    'echo run >> "$DEPLOYX_INSTALL_ROOT/runs"',
    '[ -e "$DEPLOYX_INSTALL_ROOT/licence" ] || { echo "no licence file" >&2; exit 3; }',
    'echo licensed',
  ])
  await writeFile(join(good!.installRoot!, 'licence'), '')
  await addSoftware(page, script, 'Licensed')

  await deploy(page, { name: 'Licensed', software: ['Licensed'], devices: ['GOOD', 'BAD'] })
  await expectStatus(page, 'partial')
  await expectTarget(page, 'GOOD', 'completed')
  const row = targetRow(page, 'BAD')
  await expect(row).toHaveAttribute('data-status', 'failed')
  await expect(row).toHaveAttribute('data-reason', 'install_failed')
  await expect(row.getByTestId('target-message')).toContainText('3')
  const sheet = await openTarget(page, 'BAD')
  await expect(sheet.getByTestId('target-output')).toContainText('no licence file')
  await expect(sheet.getByTestId('target-exit-code')).toContainText('3: ')
  await saveScreenshot(page, 'failed-target')
  await closeSheet(page)

  await writeFile(join(bad!.installRoot!, 'licence'), '')
  await page.getByTestId('retry-failed').click()
  await expectStatus(page, 'completed')
  await expect(row).toHaveAttribute('data-status', 'completed')
  await expect(row).toHaveAttribute('data-attempt', '2')
  await expect(targetRow(page, 'GOOD')).toHaveAttribute('data-attempt', '1')
})

test('cancelling stops waiting targets and lets a running installer finish', async ({
  launch,
  folder,
  agents,
}) => {
  const { page, consoleUrl } = await launch()
  await setUp(page)
  await agents(await signIn(consoleUrl), ['LAB-01'])
  const first = await writeScript(folder, 'first.sh', ['echo started', 'sleep 5', 'echo ended'])
  const second = await writeScript(folder, 'second.sh', ['echo never'])
  await addSoftware(page, first, 'First')
  await addSoftware(page, second, 'Second')
  await deploy(page, { name: 'Both', software: ['First', 'Second'], devices: ['LAB-01'] })
  await expect(targetRow(page, 'LAB-01', 'First')).toHaveAttribute('data-status', 'installing')

  await page.getByTestId('cancel-deployment').click()
  await page.getByTestId('confirm-yes').click()
  await expectStatus(page, 'canceled')
  await expect(targetRow(page, 'LAB-01', 'First')).toHaveAttribute('data-status', 'completed')
  await expect(targetRow(page, 'LAB-01', 'Second')).toHaveAttribute('data-reason', 'canceled')
})

test('the review warns that a PC is offline', async ({ launch, folder, agents }) => {
  const { page, consoleUrl } = await launch()
  await setUp(page)
  const [lab] = await agents(await signIn(consoleUrl), ['LAB-01'])
  await addSoftware(page, await writeScript(folder, 'x.sh', ['true']), 'X')
  await lab!.kill()
  // Within a minute of the controller's start no PC counts as offline; until then the target would wait.
  await planUpToReview(page, { name: 'X', software: ['X'], devices: ['LAB-01'] })
  await expect(preflightGroup(page, 'will_wait')).toContainText('1')
  await expect(page.getByTestId('preflight-target')).toContainText('LAB-01')
})
