/** PCs that are away: one that is offline fails with words while the others go on; one that dies while downloading loses nothing. */
import { existsSync } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setUp } from '../../pages/account.ts'
import { expectStatus, expectTarget, targetRow } from '../../pages/deployment.ts'
import { addSoftware } from '../../pages/software.ts'
import { deploy } from '../../pages/wizard.ts'
import { signIn } from '../../support/api.ts'
import { eventually } from '../../support/eventually.ts'
import { expect, keepScreen, test } from '../../support/fixtures.ts'
import { writeScript } from '../../support/packages.ts'

/** A controller that has just started calls nobody offline for a minute. */
const GRACE_LIMIT_MS = 90_000
/** Large enough that its download can be caught under way. */
const LARGE_BYTES = 768 * 1024 * 1024

test('an offline PC fails and says so, the others are served', async ({
  launch,
  folder,
  agents,
}) => {
  test.setTimeout(180_000)
  const { page, consoleUrl } = await launch()
  await setUp(page)
  const [, gone] = await agents(await signIn(consoleUrl), ['LAB-01', 'RECEPTION'])
  await gone!.kill()
  const script = await writeScript(folder, 'tool.sh', ['echo done'])
  await addSoftware(page, script, 'Tool')
  await deploy(page, { name: 'Tool', software: ['Tool'], devices: ['LAB-01', 'RECEPTION'] })

  await expectTarget(page, 'LAB-01', 'completed')
  await expectStatus(page, 'partial', GRACE_LIMIT_MS)
  await expect(targetRow(page, 'RECEPTION')).toHaveAttribute('data-status', 'failed')
  await expect(targetRow(page, 'RECEPTION')).toHaveAttribute('data-reason', 'offline')
  await expect(targetRow(page, 'RECEPTION')).toContainText('offline')
  await keepScreen(page, 'offline-target')
})

test('the agent is killed while it downloads: it goes on where it was and installs once', async ({
  launch,
  folder,
  agents,
}) => {
  test.setTimeout(180_000)
  const { page, consoleUrl } = await launch()
  await setUp(page)
  const [lab] = await agents(await signIn(consoleUrl), ['LAB-01'])
  const script = await writeScript(folder, 'large.sh', [
    'echo run >> "$DEPLOYX_INSTALL_ROOT/runs"',
    'exit 0',
  ])
  // The shell stops reading at `exit`; what follows only has to be carried.
  const file = await open(script, 'r+')
  await file.truncate(LARGE_BYTES)
  await file.close()
  await addSoftware(page, script, 'Large')
  await deploy(page, { name: 'Large', software: ['Large'], devices: ['LAB-01'] })
  await expect(targetRow(page, 'LAB-01')).toHaveAttribute('data-status', 'downloading')

  await lab!.kill()
  const runs = join(lab!.installRoot!, 'runs')
  expect(existsSync(runs)).toBe(false)
  await lab!.restart()

  await expectStatus(page, 'completed', GRACE_LIMIT_MS)
  await eventually('the installer ran', () => existsSync(runs))
  expect(await readFile(runs, 'utf8')).toBe('run\n')
})
