/**
 * "Which PCs still have the old version?": finds a program by part of its name in the real agents' inventory,
 * and starts a deployment to those PCs.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import { until } from '#shared/test-kit/until.ts'
import { setUp } from '../../pages/account.ts'
import { goTo } from '../../pages/shell.ts'
import { signIn } from '../../support/api.ts'
import { expect, saveScreenshot, test } from '../../support/fixtures.ts'

const HOSTILE = '<img src=x onerror=alert(1)> Ltd'

/** Writes the dpkg database of the folder that an agent installs into. */
async function enterPackages(root: string, versions: Record<string, string>): Promise<void> {
  const admin = join(root, 'var', 'lib', 'dpkg')
  await mkdir(join(admin, 'info'), { recursive: true })
  await mkdir(join(admin, 'updates'), { recursive: true })
  const entries = Object.entries(versions).map(([name, version]) =>
    [
      `Package: ${name}`,
      'Status: install ok installed',
      'Architecture: all',
      `Version: ${version}`,
      `Maintainer: ${HOSTILE} <team@example.org>`,
      'Description: x',
      '',
      '',
    ].join('\n'),
  )
  await writeFile(join(admin, 'status'), entries.join(''))
}
const rowOf = (page: Page, program: string, version?: string) =>
  page.locator(
    `[data-testid=installed-row][data-program="${program}"]` +
      (version === undefined ? ':not([data-version])' : `[data-version="${version}"]`),
  )

test('an old version is found with the PCs that have it, and a deployment starts from there', async ({
  launch,
  folder,
  agents,
}) => {
  const { page, consoleUrl } = await launch()
  await setUp(page)
  const api = await signIn(consoleUrl)
  const versions = { 'LAB-01': '3.0.21-1', 'LAB-02': '3.0.9-2', RECEPTION: '3.0.9-2' }
  for (const [name, version] of Object.entries(versions))
    await enterPackages(join(folder, 'agents', name, 'root'), { vlc: version, 'vlc-data': '1.0' })
  const [, , reception] = await agents(api, Object.keys(versions))
  await until('the inventory of all PCs', async () =>
    (await api.call('devices.list', {})).devices.every((d) => d.inventory_at !== null),
  )
  await reception!.stop()

  await goTo(page, 'software')
  await page.getByTestId('software-tab-installed').click()
  await expect(page).toHaveURL(/#\/software\/installed$/)
  const search = page.getByTestId('installed-search')
  await expect(search).toBeFocused()
  await expect(page.getByText('Where is it installed?')).toBeVisible()
  await search.pressSequentially('VLC')
  await expect(page).toHaveURL(/find=VLC$/)
  await expect(rowOf(page, 'vlc')).toContainText('2 versions')
  await expect(rowOf(page, 'vlc')).toContainText('2 PCs outdated')
  await expect(rowOf(page, 'vlc')).toContainText(HOSTILE)
  await expect(rowOf(page, 'vlc', '3.0.21-1')).toContainText('Newest found')
  await expect(rowOf(page, 'vlc', '3.0.9-2')).toContainText('Older')
  await expect(rowOf(page, 'vlc-data', '1.0')).toHaveAttribute('data-pcs', '3')
  await expect(page.getByTestId('installed-coverage')).toContainText(
    'All 3 PCs have reported their software',
  )
  await expect(page.getByTestId('installed-row')).toHaveCount(4)
  await saveScreenshot(page, 'software-on-the-pcs')

  await search.fill('no such program')
  await expect(page.getByText('Not found on any PC')).toBeVisible()
  await search.press('Escape')
  await expect(page.getByText('Where is it installed?')).toBeVisible()
  await search.fill('vlc')
  await rowOf(page, 'vlc', '3.0.9-2').press('Enter')
  const sheet = page.getByTestId('installed-sheet')
  const pcs = sheet.getByTestId('installed-device')
  await expect(pcs).toHaveCount(2)
  await expect(pcs.first()).toContainText('LAB-02')
  await saveScreenshot(page, 'software-on-which-pcs')

  // Open a PC and go back: the search is still there.
  await pcs.last().click()
  await expect(page.getByTestId('device-sheet')).toContainText('RECEPTION')
  await page.goBack()
  await expect(pcs).toHaveCount(2)
  await expect(search).toHaveValue('vlc')

  await sheet.getByTestId('installed-deploy').click()
  await expect(page.getByTestId('wizard-next')).toBeVisible()
  const summary = page.getByTestId('wizard-summary')
  await expect(summary).toContainText('2 PCs')
  await expect(summary).toContainText(/online, \d offline/)
})
