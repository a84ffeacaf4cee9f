/** The security of the window: its own scheme, a strict policy, no navigation away. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '#shared/test-kit/until.ts'
import { startConsole } from '../../support/console-app.ts'
import { expect, saveScreenshot, test } from '../../support/fixtures.ts'
import { endProcess } from '../../support/processes.ts'
import type { PageWorld } from '../../support/page-world.ts'

test('the window shows the console from its own scheme under a strict policy', async ({
  launch,
}) => {
  const { electron, page } = await launch()
  await expect(page.getByTestId('setup-username')).toBeVisible()
  // Icons come with the page: its policy lets it fetch none.
  await expect(page.getByRole('button', { name: 'Show password' }).locator('svg')).toBeVisible()
  expect(page.url()).toMatch(/^app:\/\/deployx\/index\.html(#|$)/)

  const headers = await page.evaluate(async () => {
    const response = await fetch('app://deployx/index.html')
    return Object.fromEntries(response.headers.entries())
  })
  const policy = (headers['content-security-policy'] ?? '').split('; ')
  expect(policy).toContain("default-src 'none'")
  expect(policy).toContain("script-src 'self'")
  expect(policy).toContain("style-src 'self'")
  expect(policy).toContain("connect-src 'self' http://127.0.0.1:* ws://127.0.0.1:*")
  expect(policy).toContain("frame-ancestors 'none'")
  expect(policy.join()).not.toContain('unsafe')
  expect(headers['x-content-type-options']).toBe('nosniff')
  expect(headers['content-type']).toBe('text/html; charset=utf-8')

  const window = await electron.evaluate(({ BrowserWindow }) => {
    const [first, ...others] = BrowserWindow.getAllWindows()
    return {
      others: others.length,
      size: first!.getSize(),
      min: first!.getMinimumSize(),
      visible: first!.isVisible(),
      title: first!.getTitle(),
    }
  })
  expect(window).toEqual({
    others: 0,
    size: [1280, 800],
    min: [960, 640],
    visible: true,
    title: 'DeployX',
  })
  await saveScreenshot(page, 'first-run')
})

test('the page violates no rule of its policy, and its background colour is set before it is drawn', async ({
  launch,
}) => {
  const { electron, page } = await launch()
  const violations: string[] = []
  page.on('console', (message) => {
    if (/Content Security Policy/i.test(message.text())) violations.push(message.text())
  })
  await page.reload()
  await expect(page.getByTestId('setup-username')).toBeVisible()
  expect(violations).toEqual([])

  const inWindow = await electron.evaluate(({ BrowserWindow }) =>
    BrowserWindow.getAllWindows()[0]!.getBackgroundColor(),
  )
  const inPage = await page.locator('body').evaluate((body) => {
    const world = globalThis as unknown as {
      getComputedStyle: (element: unknown) => { backgroundColor: string }
    }
    return world.getComputedStyle(body).backgroundColor
  })
  const [red, green, blue] = inPage.match(/\d+/g)!.map(Number)
  const hex = [red!, green!, blue!].map((part) => part.toString(16).padStart(2, '0')).join('')
  expect(inWindow.toLowerCase()).toBe(`#${hex}`)
})

test('an inline script does not run', async ({ launch }) => {
  const { page } = await launch()
  const ran = await page.evaluate(() => {
    const world = globalThis as unknown as PageWorld & { hacked?: boolean }
    const script = world.document.createElement('script')
    script.textContent = 'globalThis.hacked = true'
    world.document.body.append(script)
    return world.hacked ?? false
  })
  expect(ran).toBe(false)
})

test('the page has no Node, an isolated context and a sandbox', async ({ launch }) => {
  const { electron, page } = await launch()
  const inPage = await page.evaluate(() => {
    const world = globalThis as Record<string, unknown>
    return ['require', 'process', 'module', 'Buffer', 'ipcRenderer', 'electron'].filter(
      (name) => world[name] !== undefined,
    )
  })
  expect(inPage).toEqual([])
  const bridge = await page.evaluate(() =>
    Object.keys((globalThis as unknown as PageWorld).deployx).sort(),
  )
  expect(bridge).toEqual(['call', 'on'])

  const settings = await electron.evaluate(({ webContents }) =>
    webContents.getAllWebContents().map((contents) => {
      const { contextIsolation, sandbox, nodeIntegration, webviewTag, webSecurity } =
        // Not in Electron's typings, but the only way to query the settings in effect.
        (
          contents as unknown as { getLastWebPreferences: () => Electron.WebPreferences }
        ).getLastWebPreferences()
      return { contextIsolation, sandbox, nodeIntegration, webviewTag, webSecurity }
    }),
  )
  expect(settings).toEqual([
    {
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      webviewTag: false,
      webSecurity: true,
    },
  ])
})

test('only files of the console are served, for any request', async ({ launch }) => {
  const { page } = await launch()
  const ask = (address: string) =>
    page.evaluate(async (url) => {
      const response = await fetch(url).catch(() => null)
      return response?.status ?? 'refused'
    }, address)
  expect(await ask('app://deployx/')).toBe(200)
  expect(await ask('app://deployx/nothing.js')).toBe(404)
  expect(await ask('app://deployx/../../package.json')).toBe(404)
  expect(await ask('app://deployx/%2e%2e/%2e%2e/package.json')).toBe(404)
  expect(await ask('app://deployx/..%2f..%2fpackage.json')).toBe(404)
  expect(await ask('app://deployx/..%5c..%5cpackage.json')).toBe(404)
  expect(await ask('app://deployx/assets/')).toBe(404)
  expect(await ask('app://other/index.html')).toBe('refused')
  expect(await ask('file:///etc/passwd')).toBe('refused')
})

test('the page cannot leave, open windows or frame others', async ({ launch }) => {
  const { electron, page } = await launch()
  await expect(page.getByTestId('setup-username')).toBeVisible()
  const before = page.url()
  const opened = await page.evaluate(() => {
    const world = globalThis as unknown as PageWorld
    const link = world.document.createElement('a')
    link.href = 'https://example.invalid/'
    link.target = '_blank'
    world.document.body.append(link)
    link.click()
    const frame = world.document.createElement('iframe')
    frame.src = 'app://deployx/index.html'
    world.document.body.append(frame)
    return world.open('https://example.invalid/') !== null
  })
  expect(opened).toBe(false)
  for (const address of ['https://example.invalid/', 'file:///etc/passwd', 'app://other/']) {
    await page.evaluate((to) => (globalThis as unknown as PageWorld).location.assign(to), address)
  }
  // Run in the app, because Playwright itself would wait for the navigation that never happens.
  const found = await electron.evaluate(async ({ BrowserWindow, webContents }) => {
    const contents = BrowserWindow.getAllWindows()[0]!.webContents
    const form = "document.querySelector('[data-testid=setup-username]') !== null"
    return {
      pages: webContents.getAllWebContents().length,
      url: contents.getURL(),
      // A refused frame keeps its address and stays empty.
      framed: await Promise.all(
        contents.mainFrame.frames.map((frame) =>
          frame.executeJavaScript('document.body?.children.length ?? 0'),
        ),
      ),
      hasForm: (await contents.executeJavaScript(form)) as boolean,
    }
  })
  expect(found).toEqual({ pages: 1, url: before, hasForm: true, framed: [0] })
})

test('the page is denied devices, but may copy text', async ({ launch }) => {
  const { electron, page } = await launch()
  await expect(page.getByTestId('setup-username')).toBeVisible()
  const state = (name: string) =>
    page.evaluate(
      async (permission) =>
        (
          await (globalThis as unknown as PageWorld).navigator.permissions.query({
            name: permission,
          })
        ).state,
      name,
    )
  expect(await state('geolocation')).toBe('denied')
  expect(await state('camera')).toBe('denied')
  expect(await state('notifications')).toBe('denied')

  await page.getByTestId('setup-username').click()
  await page.evaluate(() =>
    (globalThis as unknown as PageWorld).navigator.clipboard.writeText('copied by a spec'),
  )
  const copied = await electron.evaluate(({ clipboard }) => clipboard.readText())
  expect(copied).toBe('copied by a spec')
  const reading = page.evaluate(() =>
    (globalThis as unknown as PageWorld).navigator.clipboard.readText(),
  )
  await expect(reading).rejects.toThrow(/denied|not allowed/i)
})

/** Chromium's own log of its network service, including the browser process, which the page cannot see. */
async function hostsAsked(netLog: string): Promise<string[]> {
  type NetLog = { events: { params?: { url?: string; host?: string } }[] }
  const { events } = JSON.parse(await readFile(netLog, 'utf8')) as NetLog
  const hosts = events.flatMap(({ params }) => {
    const address = params?.url ?? params?.host
    if (typeof address !== 'string' || address === '') return []
    const url = address.includes('://') ? address : `http://${address}`
    return URL.canParse(url) ? [new URL(url)] : []
  })
  return [
    ...new Set(hosts.filter((url) => /^(https?|wss?):$/.test(url.protocol)).map((u) => u.hostname)),
  ]
}

test('no other host is contacted', async ({ folder }) => {
  const netLog = join(folder, 'net.json')
  // Not under Playwright, which disables Chromium's own requests to its vendor.
  const app = await startConsole({
    home: join(folder, 'home'),
    args: [`--log-net-log=${netLog}`],
  })
  try {
    await until('the controller is up', () => app.stderr().includes('the controller is up'))
    await sleep(4_000)
  } finally {
    await endProcess(app.child)
  }
  const hosts = await until('the record was written', () => hostsAsked(netLog).catch(() => null))
  expect(hosts).toContain('127.0.0.1')
  expect(hosts.filter((host) => host !== '127.0.0.1')).toEqual([])
})

test('a request from the page to another host is refused', async ({ launch }) => {
  const { page } = await launch()
  const refused = await page.evaluate(async () => {
    const world = globalThis as unknown as PageWorld
    const image = world.document.createElement('img')
    image.src = 'https://example.invalid/pixel.png'
    world.document.body.append(image)
    const ask = (address: string) =>
      fetch(address, { signal: AbortSignal.timeout(3_000) }).then(
        () => 'answered',
        (error: Error) => error.name,
      )
    return [await ask('http://192.0.2.1/'), await ask('http://127.0.0.1:9/')]
  })
  // Refused immediately, by the policy and by the session, not by a timeout.
  expect(refused).toEqual(['TypeError', 'TypeError'])
})
