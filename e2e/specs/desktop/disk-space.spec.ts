/** The disk of the controller's data fills up: every open page shows the remaining space and what to do. */
import { join } from 'node:path'
import { canMakeDisks, makeSmallDisk } from '../../../main/controller/test-kit/small-disk.ts'
import { setUp } from '../../pages/account.ts'
import { goTo } from '../../pages/shell.ts'
import { expect, saveScreenshot, test } from '../../support/fixtures.ts'
import { findOutside } from '../../support/outside.ts'

test('a disk that fills up is named on every page, until it has room again', async ({ launch }) => {
  test.skip(!canMakeDisks, 'needs Linux and root, to mount a small disk')
  const disk = makeSmallDisk('600m')
  try {
    const app = await launch({ dataDir: join(disk.path, 'data') })
    const { page } = app
    await setUp(page)
    await goTo(page, 'devices')
    const note = page.getByTestId('disk-note')
    await expect(page.getByTestId('hub-foot')).toHaveAttribute('data-listening', 'true')
    await expect(note).toHaveCount(0)

    disk.fill(300 * 1024 * 1024)
    await expect(note).toHaveAttribute('data-level', 'short')
    await expect(note).toContainText(/has \d+ MiB left/)
    disk.fill(8 * 1024 * 1024)
    await expect(note).toHaveAttribute('data-level', 'low')
    await expect(note).toContainText('Uploads, installer output and inventories are refused')
    expect(await findOutside(page)).toEqual([])
    for (const theme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: theme })
      await saveScreenshot(page, `disk-low-${theme}`)
    }
    await note.getByRole('link').click()
    await expect(page).toHaveURL(/#\/software$/)

    disk.empty()
    await expect(note).toHaveCount(0)
    await app.close()
  } finally {
    disk.remove()
  }
})
