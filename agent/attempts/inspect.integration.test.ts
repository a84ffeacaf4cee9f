/** How a PC answers an inspection before a deployment, over a real link. */
import { generateKeyPairSync, sign } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock } from '#shared/node/clock.ts'
import { inspectText } from '#shared/contract/agent/inspect.ts'
import { commandText } from '#shared/contract/agent/link.ts'
import type { WorkConditions } from '#shared/contract/agent/work-conditions.ts'
import { DeviceId } from '#shared/domain/ids.ts'
import { createInspect } from './inspect.ts'
import { countingScript, countRuns, setStage, type Stage } from '../test-kit/stage.ts'

let stage: Stage
beforeEach(async () => {
  stage = await setStage()
  await stage.connect()
})
afterEach(() => stage.clear())

it('reports what is installed, in the order of the request, and the free disk space', async () => {
  const { hub, rootPath } = stage
  mkdirSync(join(rootPath, 'opt'), { recursive: true })
  writeFileSync(join(rootPath, 'opt', 'tool'), 'x')
  const answer = await hub.inspect({
    detections: [{ type: 'file', path: '/opt/tool' }, null, { type: 'file', path: '/opt/other' }],
  })
  expect(answer).toMatchObject({
    ok: true,
    busy: false,
    presences: ['present', 'unknown', 'absent'],
  })
  expect(answer.ok && answer.free_disk_bytes).toBeGreaterThan(0)
})

it('reports that it is busy while an installer runs', async () => {
  const { hub, rootPath } = stage
  const command = hub.payload({ content: countingScript('sleep 2') })
  await hub.deploy(command)
  await hub.until('it runs', () => countRuns(rootPath) === 1)
  expect(await hub.inspect({ detections: [] })).toMatchObject({ ok: true, busy: true })
  await hub.result(command)
  expect(await hub.inspect({ detections: [] })).toMatchObject({ ok: true, busy: false })
})

it.runIf(process.platform === 'linux')(
  'reports what would defer the work, and checks only the forbidden conditions',
  async () => {
    const { hub, rootPath } = stage
    const battery = join(rootPath, 'sys/class/power_supply/BAT0')
    mkdirSync(battery, { recursive: true })
    writeFileSync(join(battery, 'type'), 'Battery\n')
    const setStatus = (status: string) => writeFileSync(join(battery, 'status'), `${status}\n`)
    const deferReason = async (conditions?: WorkConditions) => {
      const answer = await hub.inspect({ detections: [], ...(conditions && { conditions }) })
      return answer.ok ? answer.held_by : 'no answer'
    }
    setStatus('Discharging')
    expect(await deferReason({ on_battery: false, on_metered: true })).toBe('on_battery')
    expect(await deferReason({ on_battery: true, on_metered: false })).toBeNull()
    // An older hub sends no conditions.
    expect(await deferReason()).toBeNull()
    setStatus('Charging')
    expect(await deferReason({ on_battery: false, on_metered: false })).toBeNull()
  },
)

it('answers in time even if system tools do not, and then accepts the next request', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  let looks = 0
  const inspect = createInspect({
    enrollment: () => ({
      device_id: DeviceId.parse(1),
      key_id: 'key',
      command_key: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    }),
    installers: { detect: () => Promise.resolve('absent') },
    journal: { open: () => [] },
    conditions: { deferReason: () => (looks++, new Promise(() => undefined)) },
    diskFolder: '/',
    clock: systemClock,
  })
  const payload = JSON.stringify({
    device_id: 1,
    issued_at: new Date().toISOString(),
    detections: [null],
    conditions: { on_battery: false },
  })
  const signature = sign(null, Buffer.from(inspectText(payload)), privateKey).toString('base64')
  const ask = () => inspect({ envelope: { payload, signature, key_id: 'key' } })
  const startMs = performance.now()
  expect(await ask()).toMatchObject({ ok: true, presences: ['unknown'], held_by: null })
  // The tools never answer. The agent gives up after 1.5 s, the hub after 3 s; this limit allows for a busy PC.
  expect(performance.now() - startMs).toBeLessThan(20_000)
  expect(await ask()).toMatchObject({ ok: true })
  expect(looks).toBe(2)
})

it('refuses a request that is signed for another purpose or addressed to another device', async () => {
  const { hub } = stage
  expect(await hub.inspect({ detections: [] }, commandText)).toEqual({
    ok: false,
    message: 'The signature of the command is not valid.',
  })
  expect(await hub.inspect({ detections: [], device_id: DeviceId.parse(2) })).toEqual({
    ok: false,
    message: 'The command is for device 2.',
  })
})
