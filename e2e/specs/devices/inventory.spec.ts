/** The hardware and software of a PC, as its real agent reports it, on the sheet of that PC. */
import { mkdir, writeFile } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import { setUp } from '../../pages/account.ts'
import { deviceRow, expectOnline } from '../../pages/devices.ts'
import { closeSheet, goTo } from '../../pages/shell.ts'
import { signIn } from '../../support/api.ts'
import { expect, saveScreenshot, test } from '../../support/fixtures.ts'
import { writeDeb } from '../../support/packages.ts'

/** A maintainer's name is shown as text, too. */
const HOSTILE = '<img src=x onerror=alert(1)> Ltd'
const PACKAGES = 3_000

/**
 * As many packages as a Debian desktop has, in the dpkg database of the folder that the agent installs into.
 */
async function enterPackages(root: string): Promise<void> {
  const admin = join(root, 'var', 'lib', 'dpkg')
  await mkdir(join(admin, 'info'), { recursive: true })
  await mkdir(join(admin, 'updates'), { recursive: true })
  const entries = Array.from({ length: PACKAGES }, (_, i) =>
    [
      `Package: lib${String(i).padStart(4, '0')}`,
      'Status: install ok installed',
      'Architecture: all',
      `Version: 1.${i}-2`,
      `Maintainer: ${i === 1234 ? HOSTILE : 'Debian Team'} <team@example.org>`,
      'Description: x',
      '',
      '',
    ].join('\n'),
  )
  await writeFile(join(admin, 'status'), entries.join(''))
}

test('the sheet of a PC shows its software, hardware, disks and addresses, and what is installed in the meantime', async ({
  launch,
  folder,
  agents,
}) => {
  const { page, consoleUrl } = await launch()
  await setUp(page)
  const api = await signIn(consoleUrl)
  await enterPackages(join(folder, 'agents', 'RECEPTION', 'root'))
  await agents(api, ['RECEPTION'])

  await goTo(page, 'devices')
  await expectOnline(page, 'RECEPTION', true)
  await deviceRow(page, 'RECEPTION').click()
  const sheet = page.getByTestId('device-sheet')
  await sheet.getByTestId('device-tab-hardware').click()
  // Either the inventory has arrived already, or the sheet says that it has not and updates itself.
  const hardware = sheet.getByTestId('device-hardware')
  await expect(hardware).toBeVisible({ timeout: 30_000 })
  const memory = `${(totalmem() / 1024 ** 3).toFixed(1)} GiB`.replace('.0 ', ' ')
  await expect(hardware).toContainText(memory)
  await expect(hardware.getByTestId('disk').first()).toContainText(/free of .*B/)
  await expect(hardware.getByTestId('interface').first()).toContainText(/([0-9a-f]{2}:){5}/)
  await saveScreenshot(page, 'device-hardware')

  await sheet.getByTestId('device-tab-software').click()
  const rows = sheet.getByTestId('software-row')
  await expect(rows.first()).toContainText('lib0000')
  expect(await rows.count()).toBeLessThan(100)
  await expect(sheet).toContainText(/3.000 entries/)
  await saveScreenshot(page, 'device-software')
  const filter = sheet.getByTestId('software-filter')
  await filter.fill('lib1234')
  await expect(rows).toHaveCount(1)
  await expect(rows).toContainText('1.1234-2')
  await expect(rows).toContainText(HOSTILE)

  await filter.fill('inventory-probe')
  await expect(rows).toHaveCount(0)
  const deb = await writeDeb(folder, { name: 'inventory-probe', version: '4.2' })
  const { id } = await api.upload(deb)
  const { devices } = await api.call('devices.list', {})
  await api.call('deployments.create', {
    body: { name: 'Probe', software_ids: [id], device_ids: [devices[0]!.id] },
  })
  await expect(rows).toContainText('4.2', { timeout: 30_000 })

  await closeSheet(page)
  await expect(deviceRow(page, 'RECEPTION')).toBeVisible()
})
