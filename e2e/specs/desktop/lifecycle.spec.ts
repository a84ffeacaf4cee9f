/** Starting and stopping: once per user, once per data folder, and never with a crash. */
import { createServer, type AddressInfo, type Server } from 'node:net'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { chromium } from '@playwright/test'
import { until } from '#shared/test-kit/until.ts'
import { runConsoleToEnd, linesForPeople, startConsole } from '../../support/console-app.ts'
import { endProcess, isRunning } from '../../support/processes.ts'
import { expect, test } from '../../support/fixtures.ts'

async function occupyPort(host: string): Promise<{ server: Server; port: string }> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  return { server, port: String((server.address() as AddressInfo).port) }
}

test('a second start brings the first window to the front', async ({ launch }) => {
  const app = await launch()
  const isVisible = () =>
    app.electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.isVisible())
  // The window shows itself once its page is painted; hidden earlier, it would reappear.
  await expect.poll(isVisible).toBe(true)
  await app.electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.hide())
  await expect.poll(isVisible).toBe(false)
  const second = await runConsoleToEnd({ home: app.home })
  expect(second.code).toBe(0)
  expect(linesForPeople(second.stderr)).toEqual([
    'deployx: DeployX is already running; its window comes to the front.',
  ])
  await expect.poll(isVisible).toBe(true)
})

test('a start with a data folder in use prints one line and exits with 1', async ({
  launch,
  folder,
}) => {
  const app = await launch()
  const second = await runConsoleToEnd({ home: join(folder, 'other'), dataDir: app.dataDir })
  expect(second.code).toBe(1)
  const lines = linesForPeople(second.stderr)
  expect(lines).toHaveLength(1)
  expect(lines[0]).toContain(app.dataDir)
  // The first instance keeps running.
  expect((await fetch(`${app.consoleUrl}/auth/state`)).status).toBe(200)
})

test('a data folder that cannot be written to is named, with what to do', async ({ folder }) => {
  const file = join(folder, 'a-file')
  await writeFile(file, '')
  const dataDir = join(file, 'data')
  const result = await runConsoleToEnd({ home: join(folder, 'home'), dataDir })
  expect(result.code).toBe(1)
  expect(linesForPeople(result.stderr)).toEqual([
    expect.stringContaining(`${dataDir} cannot be written`),
  ])
})

test('a free console port replaces one in use; a hub port in use is reported and nothing starts', async ({
  launch,
  folder,
}) => {
  const console = await occupyPort('127.0.0.1')
  const hub = await occupyPort('0.0.0.0')
  try {
    const app = await launch({ env: { DEPLOYX_CONSOLE_PORT: console.port } })
    expect(new URL(app.consoleUrl).port).not.toBe(console.port)
    expect((await fetch(`${app.consoleUrl}/auth/state`)).status).toBe(200)
    await app.close()

    const refused = await runConsoleToEnd({
      home: join(folder, 'other'),
      env: { DEPLOYX_HUB_PORT: hub.port },
    })
    expect(refused.code).toBe(1)
    const lines = linesForPeople(refused.stderr)
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain(`port ${hub.port}`)
    expect(lines[0]).toContain('DEPLOYX_HUB_PORT')
  } finally {
    console.server.close()
    hub.server.close()
  }
})

test('an invalid setting in the environment is named in one line', async ({ folder }) => {
  const result = await runConsoleToEnd({
    home: join(folder, 'home'),
    env: { DEPLOYX_CONSOLE_PORT: 'http' },
  })
  expect(result.code).toBe(1)
  expect(linesForPeople(result.stderr)).toEqual([
    'deployx: DEPLOYX_CONSOLE_PORT takes a port from 0 to 65535, not "http".',
  ])
})

test('SIGTERM stops everything cleanly, and the data folder is free for the next start', async ({
  launch,
}) => {
  const first = await launch()
  const closed = first.electron.waitForEvent('close')
  first.child.kill('SIGTERM')
  await closed
  expect(first.child.exitCode).toBe(0)
  await expect(fetch(`${first.consoleUrl}/auth/state`)).rejects.toThrow()

  const again = await launch()
  expect((await fetch(`${again.consoleUrl}/auth/state`)).status).toBe(200)
})

/**
 * The page's process id, and whether the console's first screen is visible; null while the page does not
 * answer, as during a crash. Disconnects after each call.
 */
async function lookAtPage(port: number): Promise<{ pid: number; hasForm: boolean } | null> {
  const browser = await chromium
    .connectOverCDP(`http://127.0.0.1:${port}`, { timeout: 5_000 })
    .catch(() => null)
  if (!browser) return null
  try {
    const session = await browser.newBrowserCDPSession()
    const { processInfo } = await session.send('SystemInfo.getProcessInfo')
    const page = browser.contexts().flatMap((context) => context.pages())[0]
    return {
      pid: processInfo.find((each) => each.type === 'renderer')?.id ?? -1,
      hasForm: (await page?.getByTestId('setup-username').isVisible()) ?? false,
    }
  } catch {
    return null
  } finally {
    await browser.close()
  }
}

test('a page that crashes is reloaded while the hub keeps running', async ({ folder }) => {
  test.setTimeout(120_000)
  // Without Playwright's launcher: a page that a debugger is attached to cannot be reloaded after a crash.
  const app = await startConsole({
    home: join(folder, 'home'),
    args: ['--remote-debugging-port=0'],
  })
  try {
    const port = await until('the port of the inspector', () => {
      const found = /DevTools listening on ws:\/\/127\.0\.0\.1:(\d+)/.exec(app.stderr())
      return found ? Number(found[1]) : null
    })
    const before = await until('the first screen', async () => {
      const seen = await lookAtPage(port)
      return seen?.hasForm ? seen : null
    })
    process.kill(before.pid, 'SIGSEGV')
    await until('the crash in the log', () => app.stderr().includes('the page crashed'))
    const afterCrash = async () => {
      const seen = await lookAtPage(port)
      return seen?.hasForm ? seen : null
    }
    const after = await until('the screen after the crash', afterCrash)
    expect(after.pid).not.toBe(before.pid)
    expect(isRunning(app.child)).toBe(true)
    const [, consoleUrl] = /"console":"([^"]+)"/.exec(app.stderr()) ?? []
    expect((await fetch(`${consoleUrl}/auth/state`)).status).toBe(200)
  } finally {
    await endProcess(app.child)
  }
  expect(app.child.exitCode).toBe(0)
})
