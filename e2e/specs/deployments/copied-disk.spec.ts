/**
 * A PC whose disk is a copy of another PC's: detected, shown as a duplicate identity, and usable once a
 * person approves it.
 */
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { setUp } from '../../pages/account.ts'
import { deviceRow, expectOnline } from '../../pages/devices.ts'
import { goTo } from '../../pages/shell.ts'
import { signIn } from '../../support/api.ts'
import { expect, saveScreenshot, test } from '../../support/fixtures.ts'

test('a PC with a copied disk becomes a separate device that waits for approval', async ({
  launch,
  folder,
  agents,
  agent,
}) => {
  const { page, consoleUrl } = await launch()
  await setUp(page)
  const api = await signIn(consoleUrl)
  await agents(api, ['PC-12'])
  const copy = join(folder, 'agents', 'copy')
  await cp(join(folder, 'agents', 'PC-12', 'state'), join(copy, 'state'), {
    recursive: true,
    filter: (path) => !path.endsWith('agent.lock'),
  })
  const { code } = await api.call('enrollments.create', { body: {} })
  await agent('PC-12', code, { folder: copy })

  await goTo(page, 'devices')
  await expectOnline(page, 'PC-12', true)
  await expectOnline(page, 'PC-12 (2)', true)
  await deviceRow(page, 'PC-12 (2)').click()
  const sheet = page.getByTestId('device-sheet')
  await expect(sheet.getByTestId('device-copy-note')).toContainText('same identity as PC-12')
  await expect(sheet.getByTestId('device-state')).toHaveText('Waiting for approval')
  await expect(sheet.getByTestId('device-deploy')).toBeHidden()
  await saveScreenshot(page, 'copied-disk')
  await sheet.getByTestId('device-approve').click()
  await expect(sheet.getByTestId('device-state')).toHaveText('Online')
  await expect(sheet.getByTestId('device-deploy')).toBeVisible()
  await page.keyboard.press('Escape')

  await deviceRow(page, 'PC-12').click()
  await expect(sheet.getByTestId('device-copy-note')).toContainText('PC-12 (2)')
  await saveScreenshot(page, 'original-of-a-copied-disk')
})
