/**
 * A proxy between browser and controller lets REST through and blocks live updates: the page still shows
 * progress.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import type { DeploymentId } from '#shared/domain/ids.ts'
import { startBlockingProxy } from '../../../renderer/test-kit/blocking-proxy.ts'
import { signIn } from '../../pages/account.ts'
import { expectStatus, expectTarget } from '../../pages/deployment.ts'
import { expect, saveScreenshot, launchWithAccount, test } from '../../support/fixtures.ts'
import { writeScript } from '../../support/packages.ts'
import { openBrowserWindow } from '../../support/second-window.ts'

const isFeed = (path: string): boolean => path.startsWith('/socket.io/')

async function keepBoth(page: Page, name: string): Promise<void> {
  for (const theme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme: theme })
    await saveScreenshot(page, `${name}-${theme}`)
  }
}

test('a page whose live updates are blocked says so and refreshes, and is live again once they get through', async ({
  launch,
  folder,
  agents,
}) => {
  test.setTimeout(180_000)
  const { app, api } = await launchWithAccount(launch)
  await agents(api, ['LAB-01'])
  const device_ids = (await api.call('devices.list', {})).devices.map(({ id }) => id)
  /** A deployment whose installer ends when the test allows it. */
  async function deploy(name: string): Promise<{ id: DeploymentId; end: () => Promise<void> }> {
    const go = join(folder, `${name}-go`)
    const script = await writeScript(folder, `${name}.sh`, [
      `while [ ! -e '${go}' ]; do sleep 0.2; done`,
      'exit 0',
    ])
    const { id } = await api.upload(script, { name })
    const { deployment_id } = await api.call('deployments.create', {
      body: { name, software_ids: [id], device_ids },
    })
    return { id: deployment_id, end: () => writeFile(go, '') }
  }

  const proxy = await startBlockingProxy(app.consoleUrl)
  try {
    proxy.upgrades = 'drop'
    proxy.blocks = isFeed
    const first = await deploy('First')
    const page = await openBrowserWindow(app, proxy.url)
    await signIn(page)
    const note = page.getByTestId('refresh-note')
    await expect(note).toContainText('Live updates are blocked', { timeout: 30_000 })
    await expect(note).toContainText(/refreshes every \d+ seconds instead/)
    await expect(page.getByTestId('connection-strip')).toHaveCount(0)

    await page.evaluate((hash) => {
      ;(globalThis as unknown as { location: { hash: string } }).location.hash = hash
    }, `#/deployments/${first.id}`)
    await expectTarget(page, 'LAB-01', 'installing')
    await keepBoth(page, 'live-updates-blocked')
    await first.end()
    await expectStatus(page, 'completed')
    await expectTarget(page, 'LAB-01', 'completed')

    // Long polling gets through now: the page fetches nothing except through the feed.
    proxy.blocks = () => false
    await expect(note).toHaveCount(0, { timeout: 30_000 })
    const second = await deploy('Second')
    await page.evaluate((hash) => {
      ;(globalThis as unknown as { location: { hash: string } }).location.hash = hash
    }, `#/deployments/${second.id}`)
    await expectTarget(page, 'LAB-01', 'installing')
    await second.end()
    await expectStatus(page, 'completed')
    expect(proxy.seen.some((path) => /transport=polling.*&sid=/.test(path))).toBe(true)

    // A stopped controller does not count as blocked updates.
    proxy.blocks = () => true
    proxy.cutAll()
    await expect(page.getByTestId('connection-strip')).toBeVisible({ timeout: 30_000 })
    await expect(note).toHaveCount(0)
  } finally {
    await proxy.close()
  }
})
