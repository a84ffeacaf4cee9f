/** If either side crashes while an installer runs, nothing is installed twice and nothing is lost. */
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { until } from '#shared/test-kit/until.ts'
import { setUp } from '../../pages/account.ts'
import { expectStatus, openTarget, targetRow } from '../../pages/deployment.ts'
import { addSoftware } from '../../pages/software.ts'
import { deploy } from '../../pages/wizard.ts'
import { signIn } from '../../support/api.ts'
import { expect, test } from '../../support/fixtures.ts'
import { writeScript } from '../../support/packages.ts'
import { untilEnded } from '../../support/processes.ts'

/** Prints when it starts, and waits until the test lets it end. Every run adds a line. */
const SLOW_INSTALLER = [
  'echo run >> "$DEPLOYX_INSTALL_ROOT/runs"',
  'echo "before the crash"',
  'for i in $(seq 300); do [ -e "$DEPLOYX_INSTALL_ROOT/go-on" ] && break; sleep 0.1; done',
  'echo "after the crash"',
]

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function runs(root: string): Promise<number> {
  return (await readFile(join(root, 'runs'), 'utf8')).split('\n').filter(Boolean).length
}

test('the agent is killed while the installer runs: it resumes, and the installer runs once', async ({
  launch,
  folder,
  agents,
}) => {
  const { page, consoleUrl } = await launch()
  await setUp(page)
  const [lab] = await agents(await signIn(consoleUrl), ['LAB-01'])
  const root = lab!.installRoot!
  await addSoftware(page, await writeScript(folder, 'slow.sh', SLOW_INSTALLER), 'Slow')
  await deploy(page, { name: 'Slow', software: ['Slow'], devices: ['LAB-01'] })
  await until('the installer runs', () => existsSync(join(root, 'runs')))
  await expect(targetRow(page, 'LAB-01')).toHaveAttribute('data-status', 'installing')

  await lab!.kill()
  await lab!.restart()
  await writeFile(join(root, 'go-on'), '')
  await expectStatus(page, 'completed')
  const sheet = await openTarget(page, 'LAB-01')
  const output = (await sheet.getByTestId('target-output').textContent()) ?? ''
  expect(output.match(/before the crash/g)).toHaveLength(1)
  expect(output.match(/after the crash/g)).toHaveLength(1)
  expect(await runs(root)).toBe(1)
})

test('the console is killed while the installer runs: the result arrives after its next start', async ({
  launch,
  folder,
  agents,
}) => {
  // The agent reconnects to the address it knows, so keep the port.
  const port = String(await freePort())
  const env = { DEPLOYX_HUB_PORT: port }
  const first = await launch({ env })
  await setUp(first.page)
  const [lab] = await agents(await signIn(first.consoleUrl), ['LAB-01'])
  const root = lab!.installRoot!
  await addSoftware(first.page, await writeScript(folder, 'slow.sh', SLOW_INSTALLER), 'Slow')
  const id = await deploy(first.page, { name: 'Slow', software: ['Slow'], devices: ['LAB-01'] })
  await until('the installer runs', () => existsSync(join(root, 'runs')))

  first.child.kill('SIGKILL')
  await untilEnded(first.child)
  await writeFile(join(root, 'go-on'), '')

  const second = await launch({ env })
  await expect(second.page.getByTestId('nav-deployments')).toBeVisible()
  const api = await signIn(second.consoleUrl)
  const deployment = await until(
    'the deployment has ended',
    async () => {
      const now = await api.call('deployments.get', { params: { id } })
      return now.ended_at === null ? null : now
    },
    { limitMs: 60_000 },
  )
  expect(deployment).toMatchObject({ status: 'completed', counts: { completed: 1, total: 1 } })
  expect(await runs(root)).toBe(1)
})
