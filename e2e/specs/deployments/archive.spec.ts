/** Deploying an archive by hand: which file in it to run, its detection rule, and its removal. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Locator, Page } from '@playwright/test'
import { setUp } from '../../pages/account.ts'
import { expectStatus, expectTarget, openTarget, targetRow } from '../../pages/deployment.ts'
import { expectJoined, makeEnrollmentCode } from '../../pages/devices.ts'
import { closeSheet, goTo } from '../../pages/shell.ts'
import {
  deviceItem,
  next,
  openWizard,
  planUpToReview,
  preflightGroup,
  softwareItem,
  start,
  toReview,
} from '../../pages/wizard.ts'
import { expect, saveScreenshot, test } from '../../support/fixtures.ts'
import { writeArchive } from '../../support/packages.ts'

const choose = async (page: Page, field: Locator, option: string): Promise<void> => {
  await field.click()
  await page.getByRole('option', { name: option, exact: true }).click()
}

test('an archive asks what to run, is installed once, and removed again', async ({
  launch,
  folder,
  agent,
}) => {
  const file = await writeArchive(folder, 'kit-1.0.tar.gz', {
    'kit/install.sh': [
      '#!/bin/sh',
      'cat data/text',
      'mkdir -p "$DEPLOYX_INSTALL_ROOT/opt/kit"',
      'echo "$1" >> "$DEPLOYX_INSTALL_ROOT/opt/kit/runs"',
      '',
    ].join('\n'),
    'kit/remove.sh': '#!/bin/sh\nrm -r "$DEPLOYX_INSTALL_ROOT/opt/kit"\n',
    'kit/data/text': 'what lies beside\n',
  })
  const { page } = await launch()
  await setUp(page)
  const pc = await agent('LAB-01', await makeEnrollmentCode(page))
  await expectJoined(page, 1)
  await page.getByTestId('add-devices-done').click()

  // It has two scripts at its top level, so DeployX does not guess.
  await goTo(page, 'software')
  await page.getByTestId('upload-input').setInputFiles(file)
  const question = page.getByTestId('archive-question')
  await expect(question.getByTestId('archive-question-answer')).toBeDisabled()
  await choose(page, question.getByTestId('archive-question-entry'), 'kit/install.sh')
  await saveScreenshot(page, 'archive-question')
  await question.getByTestId('archive-question-answer').click()

  const readout = page.getByTestId('readout-form')
  await expect(readout.getByTestId('readout-name')).toHaveValue('kit-1.0')
  await expect(readout.getByTestId('readout-entry')).toContainText('kit/install.sh')
  await choose(page, readout.getByTestId('readout-uninstall-entry'), 'kit/remove.sh')
  await readout.getByTestId('readout-args').fill('"with blanks"')
  await expect(readout.getByTestId('readout-detect-meaning')).toContainText('Without a rule')
  await choose(page, readout.getByTestId('readout-detect-type'), 'File')
  await readout.getByTestId('readout-detect-path').fill('opt/kit/runs')
  await expect(readout).toContainText('Begin with /.')
  await readout.getByTestId('readout-detect-path').fill('/opt/kit/runs')
  await expect(readout.getByTestId('readout-detect-meaning')).toContainText('are skipped')
  await saveScreenshot(page, 'archive-readout')
  await readout.getByTestId('readout-save').click()
  await expect(readout).toHaveCount(0)

  const plan = { name: 'The kit', software: ['kit-1.0'], devices: ['LAB-01'] }
  await planUpToReview(page, plan)
  await start(page)
  await expectTarget(page, 'LAB-01', 'completed')
  const sheet = await openTarget(page, 'LAB-01')
  await expect(sheet.getByTestId('target-output')).toContainText('what lies beside')
  await closeSheet(page)
  const runs = join(pc.installRoot!, 'opt/kit/runs')
  expect(await readFile(runs, 'utf8')).toBe('with blanks\n')

  // The review detects it by its rule.
  await planUpToReview(page, plan)
  await expect(preflightGroup(page, 'will_skip')).toContainText('1')
  await page.getByTestId('wizard-discard').click()
  await page.getByRole('dialog').getByRole('button', { name: 'Discard' }).click()

  await openWizard(page)
  await page.getByTestId('wizard-action-uninstall').check()
  await expect(page.getByTestId('wizard-remove-note')).toBeVisible()
  await softwareItem(page, 'kit-1.0').click()
  await saveScreenshot(page, 'wizard-remove')
  await next(page)
  await deviceItem(page, 'LAB-01').click()
  await next(page)
  await expect(page.getByTestId('wizard-name')).toHaveValue('Remove kit-1.0')
  await toReview(page)
  await expect(page.getByTestId('wizard-deploy')).toHaveText('Remove from 1 PC')
  await page.getByTestId('wizard-deploy').click()
  const dialog = page.getByRole('dialog')
  await expect(dialog).toContainText('Remove software from 1 PC?')
  await saveScreenshot(page, 'wizard-remove-confirm')
  await dialog.getByRole('button', { name: 'Remove' }).click()
  await expectTarget(page, 'LAB-01', 'completed')
  await expectStatus(page, 'completed')
  expect(existsSync(runs)).toBe(false)

  // Marked as a removal, whatever its name is.
  const mark = page.getByTestId('removal-mark')
  await expect(mark).toHaveText('Removal')
  await targetRow(page, 'LAB-01').click()
  await expect(page.getByTestId('target-exit-code')).toHaveText('0: removed')
  await closeSheet(page)
  await goTo(page, 'deployments')
  await expect(mark).toHaveCount(1)
  await expect(mark).toHaveAttribute('title', 'Remove kit-1.0')
})
