/** Whether PCs are restarted is chosen in the wizard, shown before and after, and told for PCs that cannot be. */
import { setUp } from '../../pages/account.ts'
import { expectStatus } from '../../pages/deployment.ts'
import { addSoftware } from '../../pages/software.ts'
import { next, planUpToStrategy, start, toReview } from '../../pages/wizard.ts'
import { signIn } from '../../support/api.ts'
import { expect, keepScreen, test } from '../../support/fixtures.ts'
import { writeScript } from '../../support/packages.ts'

test('restarts are off until somebody chooses them, with a notice that people get', async ({
  launch,
  folder,
  agents,
}) => {
  const { page, consoleUrl } = await launch()
  await setUp(page)
  const api = await signIn(consoleUrl)
  // Agents from the sources restart nothing, and say so.
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
  await expect(page.getByTestId('wizard-summary')).toContainText('Restarts PCs that need it, 25 min of notice') // prettier-ignore
  await toReview(page)
  await expect(page.getByTestId('plan-restarts')).toHaveText('PCs whose installer asks for it, 25 minutes after a notice on their screens') // prettier-ignore
  await expect(page.getByTestId('plan-no-restarts')).toContainText('PC-1: Its agent installs into a folder') // prettier-ignore
  await keepScreen(page, 'review-with-restarts')
  const id = await start(page)
  await expectStatus(page, 'completed')
  // Its installer asked for none.
  await expect(page.getByTestId('restarts')).toHaveCount(0)
  const deployment = await api.call('deployments.get', { params: { id } })
  expect(deployment).toMatchObject({ reboot: 'if_needed', reboot_delay_minutes: 25 })
})
