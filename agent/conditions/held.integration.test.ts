/** A real agent that may not work now: on a PC whose power supply is the folder that stands for it. Linux. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { DeployPayload } from '#shared/contract/agent-link.ts'
import type { AgentProcess } from '../test-kit/agent-process.ts'
import { serveBytes } from '../test-kit/serve-bytes.ts'
import { countingScript, countRuns, setStage, type Stage } from '../test-kit/stage.ts'

const onLinux = process.platform === 'linux'
const PLUGGED_ONLY = { on_battery: false, on_metered: true }

let stage: Stage
let agent: AgentProcess
function power(state: 'plugged' | 'unplugged'): void {
  const folder = join(stage.rootPath, 'sys/class/power_supply/BAT0')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'type'), 'Battery\n')
  writeFileSync(join(folder, 'status'), state === 'plugged' ? 'Charging\n' : 'Discharging\n')
}
beforeEach(async () => {
  stage = await setStage()
  power('unplugged')
  agent = await stage.connect()
})
afterEach(async () => {
  expect(stage.hub.malformed).toEqual([])
  await stage.clear()
})

const givenBack = (command: DeployPayload) =>
  stage.hub.reports.deployment_progress.filter(
    (report) => report.attempt_id === command.attempt_id && report.held_by === 'on_battery',
  )
const untilGivenBack = (command: DeployPayload, times = 1) =>
  stage.hub.until('given back', () => givenBack(command).length >= times)
const isGivingBack = (event: string, body: unknown): boolean =>
  event === 'deployment_progress' && 'held_by' in (body as object)
/** As the hub does it: the same attempt under a new sequence. */
const again = (command: DeployPayload): DeployPayload => ({
  ...command,
  sequence: stage.hub.nextSequence(),
})

it.runIf(onLinux)(
  'gives the attempt back, refuses it while it runs on battery, and works once it is plugged in: one run',
  async () => {
    const { hub } = stage
    const command = hub.payload({ content: countingScript(), conditions: PLUGGED_ONLY })
    let fetched = 0
    hub.content.set(command.url, (request, response) => {
      fetched++
      serveBytes(countingScript())(request, response)
    })
    expect(await hub.deploy(command)).toEqual({ accepted: true })
    await untilGivenBack(command)
    expect(await hub.deploy(again(command))).toEqual({
      accepted: false,
      why: 'on_battery',
      message: 'This PC runs on its battery.',
    })
    expect(fetched).toBe(0)
    power('plugged')
    await expect
      .poll(async () => (await hub.deploy(again(command))).accepted, { timeout: 5_000 })
      .toBe(true)
    expect(await hub.result(command)).toMatchObject({ status: 'success' })
    expect(countRuns(stage.rootPath)).toBe(1)
  },
)

it.runIf(onLinux)(
  'unplugged during the download: the installer is not started, and what was fetched is not fetched again',
  async () => {
    const { hub } = stage
    power('plugged')
    const content = countingScript()
    const command = hub.payload({ content, conditions: PLUGGED_ONLY })
    let fetched = 0
    hub.content.set(command.url, (request, response) => {
      fetched++
      power('unplugged')
      serveBytes(content)(request, response)
    })
    expect(await hub.deploy(command)).toEqual({ accepted: true })
    await untilGivenBack(command)
    expect(countRuns(stage.rootPath)).toBe(0)
    power('plugged')
    await expect
      .poll(async () => (await hub.deploy(again(command))).accepted, { timeout: 5_000 })
      .toBe(true)
    expect(await hub.result(command)).toMatchObject({ status: 'success' })
    expect(countRuns(stage.rootPath)).toBe(1)
    expect(fetched).toBe(1)
  },
)

it.runIf(onLinux)('unplugged during the installation: it goes on to its end', async () => {
  const { hub } = stage
  power('plugged')
  const script = countingScript(
    'echo Discharging > "$DEPLOYX_INSTALL_ROOT/sys/class/power_supply/BAT0/status"',
    'sleep 0.5',
  )
  const command = hub.payload({ content: script, conditions: PLUGGED_ONLY })
  await hub.deploy(command)
  expect(await hub.result(command)).toMatchObject({ status: 'success' })
  expect(givenBack(command)).toEqual([])
})

it.runIf(onLinux)('says that it is installed already, without being plugged in', async () => {
  const { hub } = stage
  writeFileSync(join(stage.rootPath, 'there'), '')
  const command = hub.payload({
    conditions: PLUGGED_ONLY,
    detection: { type: 'file', path: '/there' },
  })
  await hub.deploy(command)
  expect(await hub.result(command)).toMatchObject({ status: 'skipped' })
})

it.runIf(onLinux)('works on battery where that is allowed', async () => {
  const { hub } = stage
  const command = hub.payload({ content: countingScript() })
  await hub.deploy(command)
  expect(await hub.result(command)).toMatchObject({ status: 'success' })
})

it.runIf(onLinux)(
  'tells again until the hub has taken it back, over a broken link, and is cancelled then as ever',
  async () => {
    const { hub } = stage
    const command = hub.payload({ content: countingScript(), conditions: PLUGGED_ONLY })
    let told = 0
    hub.behaviour.answer = (event, body) => {
      if (!isGivingBack(event, body)) return { committed: true }
      told++
      return { committed: false }
    }
    await hub.deploy(command)
    await hub.until('told twice', () => told >= 2)
    hub.cutLinks()
    await hub.until('told again', () => told >= 3)
    expect(await hub.cancel(command)).toEqual({ accepted: true })
    expect(await hub.result(command)).toMatchObject({ status: 'skipped', reason: 'canceled' })
    expect(countRuns(stage.rootPath)).toBe(0)
  },
)

it.runIf(onLinux)('killed while it gives one back: the next start looks anew', async () => {
  const { hub } = stage
  let told = 0
  hub.behaviour.answer = (event, body) => {
    if (!isGivingBack(event, body)) return { committed: true }
    return { committed: ++told > 3 }
  }
  const command = hub.payload({ content: countingScript(), conditions: PLUGGED_ONLY })
  await hub.deploy(command)
  await hub.until('told', () => told >= 1)
  await agent.kill('SIGKILL')
  agent = await stage.connect(['--install-root', stage.rootPath])
  await untilGivenBack(command)
  expect(existsSync(join(stage.rootPath, 'runs'))).toBe(false)
  // It is forgotten: a cancel finds nothing any more.
  await expect.poll(async () => (await hub.cancel(command)).accepted).toBe(false)
})
