/** A real agent that defers attempts while its PC runs on battery. A folder simulates the power supply. Linux only. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { DeployPayload } from '#shared/contract/agent/link.ts'
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

const deferralsOf = (command: DeployPayload) =>
  stage.hub.reports.deployment_progress.filter(
    (report) => report.attempt_id === command.attempt_id && report.held_by === 'on_battery',
  )
const untilDeferred = (command: DeployPayload, times = 1) =>
  stage.hub.until('deferred', () => deferralsOf(command).length >= times)
const isDeferral = (event: string, body: unknown): boolean =>
  event === 'deployment_progress' && 'held_by' in (body as object)
/** As the hub does it: the same attempt with a new sequence. */
const again = (command: DeployPayload): DeployPayload => ({
  ...command,
  sequence: stage.hub.nextSequence(),
})

it.runIf(onLinux)(
  'defers the attempt, refuses it while it runs on battery, and installs once after it is plugged in',
  async () => {
    const { hub } = stage
    const command = hub.payload({ content: countingScript(), conditions: PLUGGED_ONLY })
    let fetched = 0
    hub.content.set(command.url, (request, response) => {
      fetched++
      serveBytes(countingScript())(request, response)
    })
    expect(await hub.deploy(command)).toEqual({ accepted: true })
    await untilDeferred(command)
    expect(await hub.deploy(again(command))).toEqual({
      accepted: false,
      why: 'on_battery',
      message: 'This PC is on battery power.',
      code: 'pc_on_battery',
      params: {},
    })
    expect(fetched).toBe(0)
    power('plugged')
    await expect.poll(async () => (await hub.deploy(again(command))).accepted).toBe(true)
    expect(await hub.result(command)).toMatchObject({ status: 'success' })
    expect(countRuns(stage.rootPath)).toBe(1)
  },
)

it.runIf(onLinux)(
  'does not start the installer if it is unplugged during the download, and does not download again later',
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
    await untilDeferred(command)
    expect(countRuns(stage.rootPath)).toBe(0)
    power('plugged')
    await expect.poll(async () => (await hub.deploy(again(command))).accepted).toBe(true)
    expect(await hub.result(command)).toMatchObject({ status: 'success' })
    expect(countRuns(stage.rootPath)).toBe(1)
    expect(fetched).toBe(1)
  },
)

it.runIf(onLinux)('finishes an installation if it is unplugged while it runs', async () => {
  const { hub } = stage
  power('plugged')
  const script = countingScript(
    'echo Discharging > "$DEPLOYX_INSTALL_ROOT/sys/class/power_supply/BAT0/status"',
    'sleep 0.5',
  )
  const command = hub.payload({ content: script, conditions: PLUGGED_ONLY })
  await hub.deploy(command)
  expect(await hub.result(command)).toMatchObject({ status: 'success' })
  expect(deferralsOf(command)).toEqual([])
})

it.runIf(onLinux)('skips software that is already installed, even on battery', async () => {
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
  'reports the deferral again until the hub acknowledges it, even after a broken link, and can be cancelled then',
  async () => {
    const { hub } = stage
    const command = hub.payload({ content: countingScript(), conditions: PLUGGED_ONLY })
    let reports = 0
    hub.behaviour.answer = (event, body) => {
      if (!isDeferral(event, body)) return { committed: true }
      reports++
      return { committed: false }
    }
    await hub.deploy(command)
    await hub.until('reported twice', () => reports >= 2)
    hub.cutLinks()
    await hub.until('reported again', () => reports >= 3)
    expect(await hub.cancel(command)).toEqual({ accepted: true })
    expect(await hub.result(command)).toMatchObject({ status: 'skipped', reason: 'canceled' })
    expect(countRuns(stage.rootPath)).toBe(0)
  },
)

it.runIf(onLinux)('checks again after it was killed while it deferred an attempt', async () => {
  const { hub } = stage
  let reports = 0
  hub.behaviour.answer = (event, body) => {
    if (!isDeferral(event, body)) return { committed: true }
    return { committed: ++reports > 3 }
  }
  const command = hub.payload({ content: countingScript(), conditions: PLUGGED_ONLY })
  await hub.deploy(command)
  await hub.until('reported', () => reports >= 1)
  await agent.kill('SIGKILL')
  agent = await stage.connect(['--install-root', stage.rootPath])
  await untilDeferred(command)
  expect(existsSync(join(stage.rootPath, 'runs'))).toBe(false)
  // The attempt is forgotten: a cancellation finds nothing any more.
  await expect.poll(async () => (await hub.cancel(command)).accepted).toBe(false)
})
