/** What every spec starts from: a temporary folder, and real programs that end with the test. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import { join } from 'node:path'
import { test as base, type Page, type TestInfo } from '@playwright/test'
import { startAgent, startAgents, type Agent, type AgentOptions } from './agent.ts'
import { setUpAccount, type Api } from './api.ts'
import { launchConsole, type ConsoleApp, type LaunchOptions } from './console-app.ts'
import { openDesktopBus, type DesktopBus } from './desktop-bus.ts'

type Fixtures = {
  /** A short path, because it contains sockets. Removed after the test. */
  folder: string
  /** Starts the app, by default with the same `home` for all starts of a test. Ends with the test. */
  launch: (options?: Partial<LaunchOptions>) => Promise<ConsoleApp>
  /** A desktop with a tray and notifications. */
  bus: DesktopBus
  /** A desktop without a tray. */
  bareBus: DesktopBus
  /**
   * Starts agents that enrol with the controller behind `api`, and waits for them. They end with the test.
   */
  agents: (api: Api, names: readonly string[], options?: Partial<AgentOptions>) => Promise<Agent[]>
  /** Starts one agent with a code. Ends with the test. */
  agent: (name: string, code: string, options?: Partial<AgentOptions>) => Promise<Agent>
  /** All agents of the test. */
  startedAgents: Agent[]
}

export const test = base.extend<Fixtures>({
  folder: async ({}, use) => {
    const folder = await mkdtemp(join(os.tmpdir(), 'dxe-'))
    await use(folder)
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  },
  launch: async ({ folder }, use, testInfo) => {
    const apps: ConsoleApp[] = []
    await use(async (options = {}) => {
      const app = await launchConsole({ home: join(folder, 'home'), ...options })
      apps.push(app)
      return app
    })
    if (testInfo.status !== testInfo.expectedStatus) await keepEvidence(apps, testInfo)
    for (const app of apps.reverse()) await app.close()
  },
  bus: async ({ folder }, use) => {
    const bus = await openDesktopBus(folder)
    await use(bus)
    await bus.close()
  },
  bareBus: async ({ folder }, use) => {
    const bus = await openDesktopBus(folder, { tray: false })
    await use(bus)
    await bus.close()
  },
  startedAgents: async ({}, use, testInfo) => {
    const started: Agent[] = []
    await use(started)
    if (testInfo.status !== testInfo.expectedStatus)
      for (const agent of started)
        await writeFile(testInfo.outputPath(`agent-${agent.name}.log`), agent.output())
    await Promise.all(started.map((agent) => agent.stop()))
  },
  agents: async ({ folder, startedAgents }, use) => {
    await use(async (api, names, options) => {
      const agents = await startAgents(api, join(folder, 'agents'), names, options)
      startedAgents.push(...agents)
      return agents
    })
  },
  agent: async ({ folder, startedAgents }, use) => {
    await use(async (name, code, options) => {
      const agent = await startAgent({
        folder: join(folder, 'agents', name),
        name,
        code,
        ...options,
      })
      startedAgents.push(agent)
      return agent
    })
  },
})
export { expect } from '@playwright/test'

/** Saves the final screenshot and log of a failed test in its own folder below test-results/. */
async function keepEvidence(apps: readonly ConsoleApp[], testInfo: TestInfo): Promise<void> {
  for (const [index, app] of apps.entries()) {
    await writeFile(testInfo.outputPath(`app-${index + 1}.log`), app.stderr())
    const path = testInfo.outputPath(`app-${index + 1}.png`)
    await app.page.screenshot({ path, timeout: 5_000 }).catch(() => undefined)
  }
}

/** Saves a screenshot below test-results/screens/, for people who want to see what the specs saw. */
export async function saveScreenshot(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join('test-results', 'screens', `${name}.png`), timeout: 10_000 })
}

/** Starts the app and creates the first account. */
export async function launchWithAccount(
  launch: Fixtures['launch'],
  options: Partial<LaunchOptions> = {},
): Promise<{ app: ConsoleApp; api: Api }> {
  const app = await launch(options)
  return { app, api: await setUpAccount(app.consoleUrl, app.setupCode) }
}
