/** The bridge between page and desktop: the calls it accepts, the calls it refuses, and what it stores. */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { until } from '#shared/test-kit/until.ts'
import { setUp } from '../../pages/account.ts'
import { expect, test } from '../../support/fixtures.ts'
import { callBridge, callBridgeRaw, listenToNotes } from '../../support/page-world.ts'

test('passes the console address, the data folder and the versions to the page', async ({
  launch,
}) => {
  const { page, electron, dataDir } = await launch()
  const info = await callBridge(page, 'app.info', undefined)
  expect(info).toMatchObject({
    ok: true,
    data: {
      platform: 'linux',
      data_dir: dataDir,
      console_url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
    },
  })
  const versions = await electron.evaluate(({ app }) => ({
    version: app.getVersion(),
    electron: process.versions.electron,
  }))
  expect(info.ok && info.data).toMatchObject(versions)
})

test('refuses unknown calls and invalid input', async ({ launch }) => {
  const { page } = await launch()
  const code = async (name: unknown, input?: unknown) => {
    const result = await callBridgeRaw(page, name, input)
    return result.ok ? 'answered' : result.error.code
  }
  for (const name of ['no.such.call', '', 'constructor', '__proto__', 'toString', 7, null])
    expect(await code(name)).toBe('E_NOT_FOUND')
  expect(await code('app.info', { extra: 1 })).toBe('E_VALIDATION')
  expect(await code('session.save', { refresh_token: 5 })).toBe('E_VALIDATION')
  expect(await code('session.save', { refresh_token: 'x'.repeat(513) })).toBe('E_VALIDATION')
  expect(await code('session.save')).toBe('E_VALIDATION')
  expect(await code('preferences.set', { theme: 'pink' })).toBe('E_VALIDATION')
  expect(await code('app.open_help', { topic: 'https://example.invalid/' })).toBe('E_VALIDATION')
})

test("answers only the console's page", async ({ launch }) => {
  const { electron } = await launch()
  const answer = await electron.evaluate(async ({ app, BrowserWindow }) => {
    const preload = `${app.getAppPath()}/out/preload/index.cjs`
    const otherWindow = new BrowserWindow({
      show: false,
      webPreferences: { preload, sandbox: true, contextIsolation: true },
    })
    await otherWindow.loadURL('data:text/html,<title>other</title>')
    const result = (await otherWindow.webContents.executeJavaScript(
      "deployx.call('session.load', undefined)",
    )) as unknown
    otherWindow.destroy()
    return result
  })
  expect(answer).toMatchObject({ ok: false, error: { code: 'E_FORBIDDEN' } })
})

test('keeps the refresh token across a restart, readable by this user only', async ({ launch }) => {
  const first = await launch()
  expect(await callBridge(first.page, 'session.load', undefined)).toEqual({
    ok: true,
    data: { refresh_token: null },
  })
  // Without a keyring the token is not encrypted, and the page is informed.
  expect(await callBridge(first.page, 'session.save', { refresh_token: 'token-1' })).toEqual({
    ok: true,
    data: { protected: false },
  })
  const file = join(first.home, 'user', 'session.json')
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  await first.close()

  const second = await launch()
  expect(await callBridge(second.page, 'session.load', undefined)).toEqual({
    ok: true,
    data: { refresh_token: 'token-1' },
  })
  await callBridge(second.page, 'session.save', { refresh_token: null })
  await expect(stat(file)).rejects.toThrow('ENOENT')
})

test('keeps settings and the window position across a restart', async ({ launch }) => {
  const first = await launch()
  const changed = await callBridge(first.page, 'preferences.set', {
    theme: 'dark',
    close_to_tray: false,
  })
  expect(changed).toMatchObject({ ok: true, data: { theme: 'dark', close_to_tray: false } })
  const theme = () =>
    first.electron.evaluate(({ nativeTheme, BrowserWindow }) => ({
      dark: nativeTheme.shouldUseDarkColors,
      background: BrowserWindow.getAllWindows()[0]!.getBackgroundColor().toLowerCase(),
    }))
  await until('the window is dark', async () => (await theme()).background === '#0f0f12')
  expect((await theme()).dark).toBe(true)
  await first.electron.evaluate(({ BrowserWindow }) =>
    BrowserWindow.getAllWindows()[0]!.setBounds({ x: 40, y: 60, width: 1100, height: 700 }),
  )
  await until('the place is written', async () => {
    const text = await readFile(join(first.home, 'user', 'window.json'), 'utf8').catch(() => '')
    return text.includes('1100')
  })
  await first.close()

  const second = await launch()
  expect(await callBridge(second.page, 'preferences.get', undefined)).toMatchObject({
    ok: true,
    data: { theme: 'dark', close_to_tray: false, notifications: true },
  })
  const bounds = await second.electron.evaluate(({ BrowserWindow }) =>
    BrowserWindow.getAllWindows()[0]!.getBounds(),
  )
  expect(bounds).toEqual({ x: 40, y: 60, width: 1100, height: 700 })
})

test('opens at sign-in while that is enabled, and no longer after it is disabled', async ({
  launch,
}) => {
  const { page, home } = await launch()
  const entry = join(home, 'config', 'autostart', 'deployx.desktop')
  await callBridge(page, 'preferences.set', { open_at_login: true })
  expect(await readFile(entry, 'utf8')).toMatch(/^Exec=".+" "--hidden"$/m)
  await callBridge(page, 'preferences.set', { open_at_login: false })
  await expect(stat(entry)).rejects.toThrow('ENOENT')
})

test('the application menu works in the page, including its shortcuts', async ({ launch }) => {
  const { electron, page } = await launch()
  const notes = await listenToNotes(page)
  const click = (label: string) =>
    electron.evaluate(({ Menu }, wanted) => {
      const items = Menu.getApplicationMenu()!.items.flatMap((item) => item.submenu?.items ?? [])
      const found = items.find((item) => item.label === wanted)
      found?.click()
      return found?.accelerator ?? null
    }, label)
  expect(await click('New deployment')).toBe('CmdOrCtrl+N')
  expect(await click('Search')).toBe('CmdOrCtrl+K')
  expect(await click('Toggle sidebar')).toBe('CmdOrCtrl+\\')
  await expect.poll(notes).toEqual([
    ['open.page', { page: 'new-deployment' }],
    ['open.page', { page: 'search' }],
    ['open.page', { page: 'toggle-sidebar' }],
  ])
})

test('passes the setup code to its own window only, and the first account requires it', async ({
  launch,
}) => {
  const { page, consoleUrl, setupCode } = await launch()
  expect(setupCode.length).toBeGreaterThanOrEqual(32)
  const ask = async (body: object) => {
    const response = await fetch(`${consoleUrl}/auth/setup`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: 'eve', password: 'correct horse battery', ...body }),
    })
    return response.status
  }
  expect(await ask({})).toBe(403)
  expect(await ask({ setup_code: setupCode.toLowerCase() })).toBe(403)
  const texts = await Promise.all(
    ['/', '/auth/state', '/health'].map(async (path) => (await fetch(consoleUrl + path)).text()),
  )
  expect(texts.join()).not.toContain(setupCode)
  // The window itself does not ask for it.
  await expect(page.getByTestId('setup-code')).toHaveCount(0)
  await setUp(page)
})
