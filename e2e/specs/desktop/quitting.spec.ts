/** Quitting while PCs are busy. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '#shared/test-kit/until.ts'
import { expect, launchWithAccount, test } from '../../support/fixtures.ts'
import { writeScript } from '../../support/packages.ts'

test('quitting while an installer runs asks first, and the computer stays awake until it has ended', async ({
  launch,
  folder,
  agents,
}) => {
  // Interactive mode, so that dialogs are shown.
  const { app, api } = await launchWithAccount(launch, { env: { DEPLOYX_UNATTENDED: '' } })
  const isAwake = () =>
    app.electron.evaluate(({ powerSaveBlocker }) =>
      Array.from({ length: 20 }, (_each, id) => id).some((id) => powerSaveBlocker.isStarted(id)),
    )
  expect(await isAwake()).toBe(false)
  const [lab] = await agents(api, ['LAB-01'])
  const { devices } = await api.call('devices.list', {})
  const started = join(lab!.installRoot!, 'started')
  const software = await api.upload(
    await writeScript(folder, 'slow.sh', [`touch "$DEPLOYX_INSTALL_ROOT/started"`, 'sleep 6']),
  )
  await api.call('deployments.create', {
    body: { name: 'Slow', software_ids: [software.id], device_ids: devices.map((d) => d.id) },
  })
  await until('the installer runs', () => existsSync(started))
  await expect.poll(isAwake).toBe(true)

  // A spec cannot click a native dialog: record its options and answer it here.
  await app.electron.evaluate(({ dialog }) => {
    const world = globalThis as unknown as { asked: Electron.MessageBoxOptions[] }
    world.asked = []
    const answer = (...args: unknown[]) => {
      world.asked.push(args.at(-1) as Electron.MessageBoxOptions)
      return Promise.resolve({ response: 1, checkboxChecked: false })
    }
    dialog.showMessageBox = answer
  })
  await app.electron.evaluate(({ app: electronApp }) => electronApp.quit())
  const asked = await until('the question', () =>
    app.electron.evaluate(() => {
      const [first] = (globalThis as unknown as { asked: Electron.MessageBoxOptions[] }).asked
      return first ?? null
    }),
  )
  expect(asked.message).toBe('1 installation or removal is running. Quit DeployX?')
  expect(asked.detail).toContain('its result arrives when DeployX starts again')
  expect(asked.buttons).toEqual(['Quit', 'Keep running'])
  expect((await fetch(`${app.consoleUrl}/auth/state`)).status).toBe(200)

  await until('the deployment has ended', async () => {
    const { deployments } = await api.call('deployments.list', {})
    return deployments[0]?.status === 'completed'
  })
  await expect.poll(isAwake).toBe(false)
  // Nothing is running any more, so no dialog appears.
  const closed = app.electron.waitForEvent('close')
  await app.electron.evaluate(({ app: electronApp }) => electronApp.quit())
  await closed
  expect(app.child.exitCode).toBe(0)
})
