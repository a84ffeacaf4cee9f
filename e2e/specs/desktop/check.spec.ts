/** An administrator checks the controller: no problems at first, then the damage and how to fix it. */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setUp } from '../../pages/account.ts'
import { goTo } from '../../pages/shell.ts'
import { signIn } from '../../support/api.ts'
import { expect, saveScreenshot, test } from '../../support/fixtures.ts'
import { writeScript } from '../../support/packages.ts'

test('a check finds no problems, then a damaged package and what to do about it', async ({
  launch,
  folder,
}) => {
  const app = await launch()
  const { page } = app
  await setUp(page)
  const api = await signIn(app.consoleUrl)
  await api.upload(await writeScript(folder, 'tool.sh', ['exit 0']))

  await goTo(page, 'settings')
  const start = page.getByTestId('check-start')
  await start.click()
  await expect(page.getByTestId('check')).toHaveAttribute('data-state', 'done', { timeout: 60_000 })
  await expect(page.getByTestId('check-fine')).toContainText('No problems found')
  await start.scrollIntoViewIfNeeded()
  for (const theme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme: theme })
    await saveScreenshot(page, `settings-check-fine-${theme}`)
  }

  const content = join(app.dataDir, 'content')
  const names = await readdir(content, { recursive: true })
  const file = join(content, names.find((name) => /[0-9a-f]{64}$/.test(name)) ?? '')
  await writeFile(file, (await readFile(file)).fill(0x20))
  await start.click()
  const findings = page.getByTestId('check-findings')
  await expect(findings).toContainText(`${file} is damaged`, { timeout: 60_000 })
  await expect(findings).toContainText('Upload the same installer again')
  await start.scrollIntoViewIfNeeded()
  for (const theme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme: theme })
    await saveScreenshot(page, `settings-check-findings-${theme}`)
  }
})
