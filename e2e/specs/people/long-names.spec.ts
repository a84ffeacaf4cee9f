/**
 * Names of 200 characters without a space on every page, in narrow windows and at 200 % zoom: nothing is cut
 * off or pushed out.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import { until } from '#shared/test-kit/until.ts'
import { signIn as signInToConsole } from '../../pages/account.ts'
import { closeSheet } from '../../pages/shell.ts'
import { expect, saveScreenshot, launchWithAccount, test } from '../../support/fixtures.ts'
import { findOutside } from '../../support/outside.ts'
import { writeScript } from '../../support/packages.ts'
import { openBrowserWindow } from '../../support/second-window.ts'

const long = (start: string, length = 200): string => start.padEnd(length, 'Wim')
/** 640: a window of 1280 at 200 % zoom. */
const WIDTHS = [1920, 1280, 900, 640]

/** Waits until the page is redrawn and only endless animations are still running. */
async function settled(page: Page): Promise<void> {
  await expect(page.locator('[aria-label=Loading]')).toHaveCount(0)
  await page.evaluate(async () => {
    type Moving = {
      finished: Promise<unknown>
      effect: { getComputedTiming: () => { iterations: number } } | null
    }
    const world = globalThis as unknown as {
      requestAnimationFrame: (next: () => void) => void
      document: { getAnimations: () => Moving[] }
    }
    const frame = () => new Promise<void>((next) => world.requestAnimationFrame(next))
    await frame()
    await frame()
    const ending = world.document
      .getAnimations()
      .filter(({ effect }) => effect?.getComputedTiming().iterations !== Infinity)
    await Promise.allSettled(ending.map(({ finished }) => finished))
    await frame()
  })
}

/** Opens an address of the page, as its links do. */
async function openRoute(page: Page, route: string): Promise<void> {
  await page.evaluate((hash) => {
    ;(globalThis as unknown as { location: { hash: string } }).location.hash = hash
  }, `#${route}`)
  await expect(page).toHaveURL(new RegExp(`#${route.replace(/[?]/g, '\\?')}$`))
}

test('names of 200 characters push nothing out of narrow windows', async ({
  launch,
  folder,
  agents,
}) => {
  test.setTimeout(300_000)
  const { app, api } = await launchWithAccount(launch)
  // The agent reads this as the PC's own software.
  const dpkg = join(folder, 'agents', 'LAB-01', 'root', 'var', 'lib', 'dpkg')
  await mkdir(dpkg, { recursive: true })
  const fields = {
    Package: long('program-').toLowerCase(),
    Status: 'install ok installed',
    Version: '1.0-'.padEnd(100, '7'),
    Architecture: 'amd64',
    Maintainer: long('Maker-'),
  }
  const text = Object.entries(fields).map(([key, value]) => `${key}: ${value}\n`)
  await writeFile(join(dpkg, 'status'), `${text.join('')}\n`)
  await agents(api, ['LAB-01', 'LAB-02'])
  const { devices } = await api.call('devices.list', {})
  const device_ids = devices.map(({ id }) => id)
  for (const [index, id] of device_ids.entries())
    await api.call('devices.update', { params: { id }, body: { name: long(`PC${index}-`) } })
  const group = await api.call('groups.create', { body: { name: long('Group-'), device_ids } })
  const user = await api.call('users.create', {
    body: {
      username: long('user-', 64),
      password: 'correct horse battery',
      role: 'technician',
      must_change_password: false,
    },
  })
  const good = await writeScript(folder, `${'g'.repeat(200)}.sh`, ['exit 0'])
  const bad = await writeScript(folder, 'bad.sh', [`echo ${long('line-', 3_000)}`, 'exit 7'])
  const software = [
    await api.upload(good, { name: long('Good-'), version: '1.2.3-'.padEnd(60, '9') }),
    await api.upload(bad, { name: long('Bad-'), install_args: long('/KEY=', 900) }),
  ]
  const software_ids = software.map(({ id }) => id)
  const { deployment_id: id } = await api.call('deployments.create', {
    body: { name: long('Rollout-'), software_ids, device_ids },
  })
  await until('the deployment has ended', async () => {
    const now = await api.call('deployments.get', { params: { id } })
    return now.ended_at !== null
  })
  await api.call('deployments.create', {
    body: {
      name: long('Later-'),
      software_ids,
      group_ids: [group.id],
      device_ids: [],
      scheduled_at: new Date(Date.now() + 86_400_000).toISOString(),
    },
  })
  const { targets } = await api.call('deployments.progress', { params: { id } })
  const failed = targets.find(({ deployment_status }) => deployment_status === 'failed')!

  const page = await openBrowserWindow(app)
  await signInToConsole(page)
  const found: Record<string, string[]> = {}
  async function look(name: string): Promise<void> {
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 700 })
      await settled(page)
      const outside = await findOutside(page)
      if (outside.length > 0) found[`${name} at ${width} px`] = outside
      if (width === 900) await saveScreenshot(page, `long-${name}`)
    }
  }
  const screens: Record<string, string> = {
    dashboard: '/',
    deployments: '/deployments',
    live: `/deployments/${id}`,
    target: `/deployments/${id}/targets/${failed.id}`,
    devices: '/devices',
    device: `/devices/${device_ids[0]}`,
    'add-devices': '/devices/add',
    groups: '/groups',
    group: `/groups/${group.id}`,
    'new-group': '/groups/new',
    software: '/software',
    'software-item': `/software/${software_ids[1]}`,
    installed: '/software/installed',
    audit: '/audit',
    users: '/settings/users',
    user: `/settings/users/${user.id}`,
    'new-user': '/settings/users/new',
    settings: '/settings',
    password: '/settings/password',
    wizard: `/deployments/new?software=${software_ids[0]}&device=${device_ids[0]}`,
  }
  for (const [name, route] of Object.entries(screens)) {
    await openRoute(page, route)
    await look(name)
  }
  await openRoute(page, `/deployments/${id}`)
  await page.getByTestId('tab-failures').click()
  await look('failures')
  await openRoute(page, `/devices/${device_ids[0]}`)
  for (const tab of ['Software', 'Hardware']) {
    await page.getByRole('tab', { name: new RegExp(`^${tab}`) }).click()
    await look(`device-${tab.toLowerCase()}`)
  }
  await openRoute(page, '/audit')
  await page.getByTestId('audit-row').first().click()
  await look('audit-entry')
  await openRoute(page, '/software')
  await page.getByTestId('upload-input').setInputFiles(bad)
  await expect(page.getByTestId('upload-item')).toBeVisible()
  await look('upload')
  await closeSheet(page)
  await page.getByTestId('open-palette').click()
  await page.keyboard.type('PC')
  await look('palette')
  await page.keyboard.press('Escape')
  await openRoute(page, screens['wizard']!)
  // The remaining steps of the wizard.
  for (const step of ['wizard-targets', 'wizard-plan', 'wizard-review']) {
    await page.getByTestId('wizard-next').click()
    if (step === 'wizard-plan') await page.getByTestId('wizard-name').fill(long('Again-'))
    await look(step)
  }
  expect(found).toEqual({})
})
