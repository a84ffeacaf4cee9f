/**
 * The response to a scheduled deployment is lost: the wizard finds the deployment, shows it as scheduled, and
 * does not create a second one.
 */
import { setUp } from '../../pages/account.ts'
import { planUpToStrategy, toReview } from '../../pages/wizard.ts'
import { signIn } from '../../support/api.ts'
import { expect, test } from '../../support/fixtures.ts'
import { writeScript } from '../../support/packages.ts'

test('a scheduled deployment is found after its response was lost, and its possible removals were reviewed', async ({
  launch,
  folder,
  agents,
}) => {
  const app = await launch()
  const { page } = app
  await setUp(page)
  const api = await signIn(app.consoleUrl)
  await agents(api, ['LAB-01'])
  await api.upload(await writeScript(folder, 'tool.sh', ['exit 0']), { name: 'Tool' })

  await planUpToStrategy(page, { name: 'Tonight', software: ['Tool'], devices: ['LAB-01'] })
  await page.getByTestId('wizard-allow-removals').click()
  await page.getByTestId('wizard-start-later').click()
  await toReview(page)
  await expect(page.getByTestId('plan-removals')).toContainText('may be removed')
  await page.route('**/deployments/create', async (route) => {
    await route.fetch()
    await route.abort()
  })
  await page.getByTestId('wizard-deploy').click()
  await expect(page.getByTestId('wizard-started')).toContainText('The deployment is scheduled.')
  await page.getByTestId('wizard-deploy').click()
  await expect(page).toHaveURL(/#\/deployments\/\d+$/)
  const { deployments } = await api.call('deployments.list', {})
  expect(deployments.map(({ name, status }) => [name, status])).toEqual([['Tonight', 'pending']])
})
