/**
 * The tray and the notifications as a desktop receives them over its message bus: a real icon, a real menu,
 * real clicks.
 */
import { join } from 'node:path'
import { until } from '#shared/test-kit/until.ts'
import { expect, launchWithAccount, test } from '../../support/fixtures.ts'
import { writeScript } from '../../support/packages.ts'
import { listenToNotes } from '../../support/page-world.ts'

const labels = (menu: { label: string; separator: boolean }[]): string[] =>
  menu.filter((entry) => !entry.separator).map((entry) => entry.label)

test('the tray shows the hub and opens or quits the console', async ({ launch, bus }) => {
  const app = await launch({ env: bus.env })
  const tray = await until('the icon', () => bus.tray())
  expect(tray.status).toBe('Active')
  expect(tray.sizes[0]).toEqual([44, 44])
  expect(tray.tooltip).toMatch(/^DeployX · Controller [\d.]+:\d+ · no PCs yet$/)
  const line = tray.tooltip.replace('DeployX · ', '')
  expect(labels(tray.menu)).toEqual(['Open DeployX', line, 'New deployment', 'Quit'])
  expect(tray.menu.find((entry) => entry.label === line)?.enabled).toBe(false)

  const notes = await listenToNotes(app.page)
  bus.clickMenu('New deployment')
  await expect.poll(notes).toEqual([['open.page', { page: 'new-deployment' }]])

  const closed = app.electron.waitForEvent('close')
  bus.clickMenu('Quit')
  await closed
  expect(app.child.exitCode).toBe(0)
  expect(bus.errors()).toEqual([])
})

test('a deployment shows in the tray and ends with a notification, and a failure stays marked until it is viewed', async ({
  launch,
  bus,
  agents,
  folder,
}) => {
  const { app, api } = await launchWithAccount(launch, { env: bus.env })
  const idle = (await until('the icon', () => bus.tray())).icon
  await agents(api, ['LAB-01'])
  await expect.poll(() => bus.tray()?.tooltip).toMatch(/ · 1 of 1 PC online$/)

  const { devices } = await api.call('devices.list', {})
  const deploy = async (name: string, script: string) => {
    const software = await api.upload(script)
    const { deployment_id } = await api.call('deployments.create', {
      body: { name, software_ids: [software.id], device_ids: devices.map((d) => d.id) },
    })
    return deployment_id
  }
  // Hostile on purpose: markup and a mnemonic.
  const name = 'Tools <b>&amp; _more_ & more'
  const good = await deploy(name, await writeScript(folder, 'good.sh', ['sleep 4', 'echo done']))
  const shown = 'Tools <b>&amp; _more_ & more'
  const working = await until('the icon of work', () => {
    const tray = bus.tray()
    return tray && tray.icon !== idle ? tray : null
  })
  expect(working.tooltip).toContain('1 deployment runs')
  // Menus double an underscore, because a single one marks the access key.
  const plain = labels(working.menu).map((label) => label.replaceAll('__', '_'))
  expect(plain).toContain(`${shown} 0/1`)

  const notice = await until('the notification', () => bus.notifications().at(0))
  expect(notice).toMatchObject({ summary: shown, body: '1 completed' })
  await expect.poll(() => bus.tray()?.icon).toBe(idle)

  const notes = await listenToNotes(app.page)
  await app.electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.hide())
  bus.clickNotification(notice.id)
  await expect.poll(notes).toEqual([['open.deployment', { deployment_id: good }]])
  const isVisible = () =>
    app.electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.isVisible())
  expect(await isVisible()).toBe(true)

  const bad = await deploy('Broken', await writeScript(folder, 'bad.sh', ['echo no >&2', 'exit 3']))
  const second = await until('the second notification', () => bus.notifications().at(1))
  expect(second).toMatchObject({ summary: 'Broken', body: '1 failed' })
  const marked = await until('the icon of attention', () => {
    const tray = bus.tray()
    return tray && ![idle, working.icon].includes(tray.icon) ? tray : null
  })
  expect(marked.tooltip).toContain('1 has failures')
  bus.clickMenu('Broken: 1 failed')
  await expect
    .poll(async () => (await notes()).at(-1))
    .toEqual(['open.deployment', { deployment_id: bad }])
  // The page opens the deployment of the notification, which counts as viewed.
  await app.page.evaluate((id) => {
    const world = globalThis as unknown as { location: { hash: string } }
    world.location.hash = `#/deployments/${id}`
  }, bad)
  await expect.poll(() => bus.tray()?.icon).toBe(idle)
  expect(labels(bus.tray()!.menu)).not.toContain('Broken: 1 failed')

  // A failed pilot waits for a decision: it triggers a notification and the mark before the deployment has
  // ended.
  await agents(api, ['LAB-02'])
  const both = (await api.call('devices.list', {})).devices.map((device) => device.id)
  const software = await api.upload(await writeScript(folder, 'pilot.sh', ['exit 4']))
  const { deployment_id: pilot } = await api.call('deployments.create', {
    body: {
      name: 'Pilot',
      software_ids: [software.id],
      device_ids: both,
      strategy_type: 'canary',
      strategy: { canary_count: 1, failure_threshold_percent: 50 },
    },
  })
  const third = await until('the notification of the pause', () => bus.notifications().at(2))
  expect(third.summary).toBe('Pilot')
  expect(third.body).toMatch(/^Paused: 1 of 1 failed \(100%\); the failure threshold is 50%\./)
  await expect.poll(() => bus.tray()?.tooltip).toContain('1 paused by failures')
  expect(labels(bus.tray()!.menu)).toContain('Pilot: paused, 1 failed')
  await api.call('deployments.resume', { params: { id: pilot } })
  await expect.poll(() => labels(bus.tray()!.menu)).not.toContain('Pilot: paused, 1 failed')
  expect(bus.errors()).toEqual([])
})

test('closing the window leaves the hub in the tray and explains that once', async ({
  launch,
  bus,
}) => {
  const app = await launch({ env: bus.env })
  await until('the icon', () => bus.tray())
  const window = () =>
    app.electron.evaluate(({ BrowserWindow }) =>
      BrowserWindow.getAllWindows().map((each) => each.isVisible()),
    )
  const close = () =>
    app.electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.close())

  await close()
  await expect.poll(window).toEqual([false])
  const shown = await until('the explanation', () => bus.notifications().at(0))
  expect(shown.summary).toBe('DeployX keeps running')
  const health = await fetch(`${app.consoleUrl}/auth/state`)
  expect(health.status).toBe(200)

  bus.clickTray()
  await expect.poll(window).toEqual([true])
  await close()
  await expect.poll(window).toEqual([false])
  bus.clickMenu('Open DeployX')
  await expect.poll(window).toEqual([true])
  expect(bus.notifications()).toHaveLength(1)
  expect(bus.errors()).toEqual([])
})

test('closing the window ends the app if no tray could bring it back', async ({
  launch,
  bareBus,
}) => {
  const app = await launch({ env: bareBus.env })
  const closed = app.electron.waitForEvent('close')
  await app.electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.close())
  await closed
  expect(app.child.exitCode).toBe(0)
})

test('closing the window ends the app if the user chose that', async ({ launch, bus }) => {
  const app = await launch({ env: bus.env })
  await until('the icon', () => bus.tray())
  await app.page.evaluate(() =>
    (
      globalThis as unknown as {
        deployx: { call: (name: string, input: unknown) => Promise<unknown> }
      }
    ).deployx.call('preferences.set', { close_to_tray: false }),
  )
  const closed = app.electron.waitForEvent('close')
  await app.electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.close())
  await closed
  expect(bus.tray()).toBeNull()
})

test('started at sign-in, the window stays hidden in the tray', async ({ launch, bus }) => {
  const app = await launch({ env: bus.env, args: ['--hidden'] })
  await until('the icon', () => bus.tray())
  const isVisible = () =>
    app.electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.isVisible())
  expect(await isVisible()).toBe(false)
  bus.clickTray()
  await expect.poll(isVisible).toBe(true)
  expect(app.dataDir).toBe(join(app.home, 'data'))
})
