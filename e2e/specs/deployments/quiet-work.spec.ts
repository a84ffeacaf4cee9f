/**
 * An administrator limits bandwidth and defers work on battery: the live page shows both, and a laptop
 * continues once it is plugged in.
 */
import { randomBytes } from 'node:crypto'
import { appendFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import { fillSignIn, setUp } from '../../pages/account.ts'
import { expectStatus, expectTarget, targetRow } from '../../pages/deployment.ts'
import { goTo } from '../../pages/shell.ts'
import { addSoftware } from '../../pages/software.ts'
import { planUpToReview, preflightGroup, start } from '../../pages/wizard.ts'
import { signIn } from '../../support/api.ts'
import type { Agent } from '../../support/agent.ts'
import { expect, saveScreenshot, test } from '../../support/fixtures.ts'
import { writeScript } from '../../support/packages.ts'
import { openBrowserWindow } from '../../support/second-window.ts'

const MIB = 1024 * 1024
/** A deferred PC is offered the work again every 25 s. */
const WITHIN_A_MINUTE_MS = 60_000

async function keepBoth(page: Page, name: string): Promise<void> {
  for (const theme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme: theme })
    await saveScreenshot(page, `${name}-${theme}`)
  }
}

/** Writes the laptop's power state in the format Linux uses, below the agent's install root. */
async function battery({ installRoot }: Agent, status: 'Charging' | 'Discharging'): Promise<void> {
  const folder = join(installRoot!, 'sys/class/power_supply/BAT0')
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'type'), 'Battery\n')
  await writeFile(join(folder, 'status'), `${status}\n`)
}

test('downloads are limited, and a laptop on battery waits until it is plugged in', async ({
  launch,
  folder,
  agents,
}) => {
  test.setTimeout(180_000)
  const app = await launch()
  const { page } = app
  await setUp(page)
  const api = await signIn(app.consoleUrl)
  const [, laptop] = await agents(api, ['DESK-01', 'LAPTOP-7'])
  await battery(laptop!, 'Discharging')

  await goTo(page, 'settings')
  await page.getByTestId('bandwidth_hub_kib_s').fill('0.01')
  await expect(page.getByText('From 64 KiB/s to 10 GiB/s')).toBeVisible()
  await expect(page.getByTestId('save-bandwidth')).toBeDisabled()
  await page.getByTestId('bandwidth_hub_kib_s').scrollIntoViewIfNeeded()
  await keepBoth(page, 'settings-network-invalid')
  await page.getByTestId('bandwidth_hub_kib_s').fill('2')
  await page.getByTestId('save-bandwidth').click()
  await expect(page.getByTestId('save-bandwidth')).toHaveCount(0)
  await page.getByTestId('setting-battery').click()
  await keepBoth(page, 'settings-network')
  await expect
    .poll(() => api.call('settings.get', {}))
    .toMatchObject({ bandwidth_hub_kib_s: 2048, work_on_battery: false })

  const script = await writeScript(folder, 'big.sh', ['echo installed', 'exit 0'])
  await appendFile(script, randomBytes(16 * MIB))
  await addSoftware(page, script, 'Big')
  await planUpToReview(page, {
    name: 'Big',
    software: ['Big'],
    devices: ['DESK-01', 'LAPTOP-7'],
  })
  const foreseen = preflightGroup(page, 'will_wait')
  await expect(foreseen).toHaveAttribute('data-count', '1')
  await expect(foreseen).toContainText(
    'On battery power: waits up to 60 minutes for the PC to be plugged in',
  )
  await expect(foreseen).toContainText('LAPTOP-7')
  await keepBoth(page, 'review-battery')
  await start(page)
  await expect(page.getByText('limited to 2 MiB/s')).toBeVisible()
  const row = targetRow(page, 'LAPTOP-7')
  await expect(row).toHaveAttribute('data-reason', 'retry_later')
  await expect(row.getByTestId('target-message')).toContainText('the PC is on battery power')
  await keepBoth(page, 'held-target')
  await expectTarget(page, 'DESK-01', 'completed')
  await expect(row).toHaveAttribute('data-status', 'pending')

  await battery(laptop!, 'Charging')
  await api.call('settings.update', { body: { bandwidth_hub_kib_s: null } })
  await expectStatus(page, 'completed', WITHIN_A_MINUTE_MS)
  await expect(row).toHaveAttribute('data-attempt', '1')

  // A technician can read these settings but not change them.
  const tina = { username: 'tina', password: 'correct horse battery' }
  await api.call('users.create', {
    body: { ...tina, role: 'technician', must_change_password: false },
  })
  const second = await openBrowserWindow(app)
  await fillSignIn(second, tina)
  await goTo(second, 'settings')
  await expect(second.getByText('PCs wait', { exact: true })).toBeVisible()
  await expect(second.getByTestId('bandwidth-form')).toHaveCount(0)
  await second.getByText('PCs wait', { exact: true }).scrollIntoViewIfNeeded()
  await keepBoth(second, 'settings-network-technician')
})
