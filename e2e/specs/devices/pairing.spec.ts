/**
 * PCs that are added without a code: the Devices page shows their digits, and the technician compares them.
 */
import { join } from 'node:path'
import { setUp } from '../../pages/account.ts'
import { deviceRow, expectOnline, pendingDevice } from '../../pages/devices.ts'
import { closeSheet, goTo } from '../../pages/shell.ts'
import { signIn } from '../../support/api.ts'
import { startAgent } from '../../support/agent.ts'
import { startDiscoveringAgent } from '../../support/discovering-agent.ts'
import { expect, saveScreenshot, test } from '../../support/fixtures.ts'

test('a PC without a code is approved on the Devices page once its digits match, and another one is rejected', async ({
  launch,
  folder,
  startedAgents,
}) => {
  const { page, consoleUrl } = await launch()
  await setUp(page)
  const { port } = await (await signIn(consoleUrl)).call('hub.get', {})
  const hub = `127.0.0.1:${port}`

  await goTo(page, 'devices')
  await page.getByTestId('add-devices').click()
  await page.getByTestId('add-way-digits').click()
  await expect(page.getByTestId('discover-command-windows')).toContainText('discover --state')
  await saveScreenshot(page, 'add-devices-without-a-code')
  await closeSheet(page)

  // The name that a PC reports is arbitrary text and is shown as text.
  const hostile = '<img src=x onerror=alert(1)>'
  const wanted = await startDiscoveringAgent(join(folder, 'wanted'), 'RECEPTION', hub)
  const hostileAgent = await startDiscoveringAgent(join(folder, 'hostile'), hostile, hub)
  try {
    const card = pendingDevice(page, 'RECEPTION')
    await expect(card.getByTestId('pending-digits')).toContainText(await wanted.digits())
    const other = page.getByTestId('pending-device').filter({ hasText: hostile })
    await expect(other.getByTestId('pending-digits')).toContainText(await hostileAgent.digits())
    await expect(page.getByTestId('pending-devices')).toContainText(
      '2 PCs are waiting for approval',
    )
    await expect(page.getByTestId('pending-devices')).toContainText(
      'Approve only if the PC shows the same digits.',
    )
    await expect(page.getByTestId('nav-devices')).toContainText('2 new')
    await saveScreenshot(page, 'devices-pending')

    await other.getByTestId('pending-reject').click()
    await expect(other).toHaveCount(0)
    await hostileAgent.untilEnded()
    expect(hostileAgent.output()).toContain('was rejected in the console')

    await card.getByTestId('pending-approve').focus()
    await page.keyboard.press('Enter')
    await expect(card.getByTestId('pending-state')).toContainText('has to confirm too')
    await expect(card.getByTestId('pending-approve')).toHaveCount(0)
    await expect(deviceRow(page, 'RECEPTION')).toHaveCount(0)
    wanted.type('y')
    await expect(deviceRow(page, 'RECEPTION')).toBeVisible()
    await expect(page.getByTestId('pending-devices')).toHaveCount(0)
    await wanted.untilEnded()
    expect(wanted.output()).toContain('Enrolled as device')
  } finally {
    await wanted.stop()
    await hostileAgent.stop()
  }
  startedAgents.push(await startAgent({ folder: join(folder, 'wanted'), name: 'RECEPTION' }))
  await expectOnline(page, 'RECEPTION', true)
})
