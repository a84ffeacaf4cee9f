/**
 * Real agents on copies of one state folder, as a cloned disk carries it to another PC, against the
 * real controller.
 */
import { generateKeyPairSync } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Device } from '#shared/contract/rest/devices.ts'
import {
  copyState,
  startRealAgent,
  waitingInstaller,
  type RealAgent,
} from '../../test-kit/real-agent.ts'
import { eventually } from '../../test-kit/scenario.ts'
import { startTestController, type TestController } from '../../test-kit/test-controller.ts'

const A = 'a'.repeat(64)
const B = 'b'.repeat(64)

let t: TestController
let code: string
let folder: string
let agents: RealAgent[]
beforeEach(async () => {
  t = await startTestController({
    timings: { presence: { connectGraceMs: 0, offlineAfterMs: 0 }, engine: { heartbeatMs: 200 } },
  })
  code = (await t.rest.call('enrollments.create', { body: { max_uses: 1 } })).code
  folder = mkdtempSync(join(tmpdir(), 'deployx-clones-'))
  agents = []
})
afterEach(async () => {
  for (const agent of agents) await agent.remove()
  rmSync(folder, { recursive: true, force: true })
  await t.stop()
})

function start(options: Parameters<typeof startRealAgent>[2]): RealAgent {
  const agent = startRealAgent('PC-12', code, options)
  agents.push(agent)
  return agent
}
const devices = async (): Promise<Device[]> => (await t.rest.call('devices.list', {})).devices
const isOnline = async (id: number): Promise<boolean> =>
  (await devices()).some((d) => d.id === id && d.online)
const untilOnline = (id: number) => eventually(`device ${id} is online`, () => isOnline(id))
const untilOffline = (id: number) =>
  eventually(`device ${id} is offline`, async () => !(await isOnline(id)))

type IdentityFile = {
  private_key: string
  enrollment: { device_id: number }
  next: { private_key: string; enrollment: { device_id: number } | null } | null
}
const readIdentity = (state: string): IdentityFile =>
  JSON.parse(readFileSync(join(state, 'identity.json'), 'utf8')) as IdentityFile
const changeIdentity = (state: string, change: Partial<IdentityFile>): void =>
  writeFileSync(join(state, 'identity.json'), JSON.stringify({ ...readIdentity(state), ...change }))
const journalOf = (state: string): string => readFileSync(join(state, 'journal.log'), 'utf8')

/** The original with a running installer, and a copy of its disk from that moment. */
async function atWork() {
  const original = start({ hardwareId: A })
  await untilOnline(1)
  const software = await t.addScript('slow', waitingInstaller())
  const { deployment_id: id } = await t.rest.call('deployments.create', {
    body: { name: 'slow', software_ids: [software.id], device_ids: [1] },
  })
  const target = async () =>
    (await t.rest.call('deployments.progress', { params: { id } })).targets[0]!
  await eventually(
    'its installer runs',
    async () => original.runs() === 1 && (await target()).deployment_status === 'installing',
  )
  const image = join(folder, 'image')
  copyState(original.state, image)
  expect(journalOf(image)).toContain('"accepted"')
  return { original, image, target }
}

it.each([
  ['on other hardware', B],
  ['on hardware that looks the same', A],
])(
  'a clone %s becomes a separate device, and ignores the original’s work',
  async (_name, hardwareId) => {
    const { original, image, target } = await atWork()
    const copy = start({ hardwareId, state: image })
    await untilOnline(2)
    expect(await devices()).toMatchObject([
      { id: 1, name: 'PC-12', online: true, approved: true },
      { id: 2, name: 'PC-12 (2)', approved: false, split_from: 1 },
    ])
    expect(copy.output()).toContain('Another PC has the same identity. This one is device 2 now')
    // The original's attempt is set aside: neither in the journal nor among the attempts.
    expect(journalOf(copy.state)).not.toContain('"accepted"')
    expect(readdirSync(join(copy.state, 'attempts'))).toEqual([])
    expect(journalOf(join(copy.state, 'before-device-2'))).toContain('"accepted"')
    expect(readdirSync(join(copy.state, 'before-device-2', 'attempts'))).toHaveLength(1)
    expect((await target()).deployment_status).toBe('installing')

    original.releaseInstaller()
    await eventually(
      'the original ends',
      async () => (await target()).deployment_status === 'completed',
    )
    expect(await target()).toMatchObject({ attempt: 1, exit_code: 0 })
    expect([original.runs(), copy.runs()]).toEqual([1, 0])
    expect(original.output()).not.toContain('Connection lost')

    // It keeps its new identity over a restart, and works once it is approved.
    await copy.kill()
    copy.restart()
    await t.rest.call('devices.approve', { params: { id: 2 } })
    await untilOnline(2)
    const software = await t.addScript('quick')
    const { deployment_id: id } = await t.rest.call('deployments.create', {
      body: { name: 'quick', software_ids: [software.id], device_ids: [2] },
    })
    await eventually('it is served', async () => {
      const { status } = await t.rest.call('deployments.get', { params: { id } })
      return status === 'completed'
    })
    expect(await devices()).toHaveLength(2)
  },
)

it('a clone that connects alone does not resume the original’s work before it is welcomed', async () => {
  const { original, image, target } = await atWork()
  await original.kill()
  await untilOffline(1)
  // Its installer ends meanwhile: all of these PCs are one computer here, so the others would see
  // it run.
  original.releaseInstaller()
  await t.controller.stop()
  const copy = start({ hardwareId: B, state: image })
  // An agent that believes to be the same PC checks what became of the installer.
  const control = start({ hardwareId: A, state: image })
  await eventually('the other looks', () => journalOf(control.state).includes('"t":"result"'))
  await new Promise((resolve) => setTimeout(resolve, 500))
  expect(journalOf(copy.state)).toContain('"t":"accepted"')
  expect(journalOf(copy.state)).not.toContain('"t":"result"')
  expect(copy.runs()).toBe(0)
  await control.kill()
  await copy.kill()

  await t.restart()
  original.restart()
  await untilOnline(1)
  copy.restart()
  await untilOnline(2)
  expect(await devices()).toMatchObject([{ id: 1 }, { id: 2, split_from: 1 }])
  await eventually(
    'the original ends',
    async () => (await target()).deployment_status === 'completed',
  )
  expect(copy.runs()).toBe(0)
})

it('clones that are never online together: the first keeps the device, the other is separated when it returns', async () => {
  const original = start({ hardwareId: A })
  await untilOnline(1)
  await original.kill()
  await untilOffline(1)
  const copy = start({ hardwareId: B, state: original.state })
  await untilOnline(1)
  await copy.kill()
  await untilOffline(1)
  original.restart()
  await untilOnline(1)
  await original.kill()
  await untilOffline(1)
  copy.restart()
  await untilOnline(2)
  original.restart()
  await untilOnline(1)
  expect(await devices()).toMatchObject([
    { id: 1, approved: true, split_from: null },
    { id: 2, approved: false, split_from: 1 },
  ])
})

it('a clone that loses power at any step of the separation returns as the same single device', async () => {
  const { original, image } = await atWork()
  const first = start({ hardwareId: B, state: image })
  await untilOnline(2)
  await first.kill()
  await untilOffline(2)
  const { private_key, enrollment } = readIdentity(first.state)
  const aside = (state: string): string => join(state, 'before-device-2')
  /** The disk as it was at the power loss, after each step that writes to it. */
  const steps: [string, (state: string) => void][] = [
    ['the new key is kept', (s) => changeIdentity(s, { next: { private_key, enrollment: null } })],
    ['the new device is known', (s) => changeIdentity(s, { next: { private_key, enrollment } })],
    ['the folder is made', (s) => mkdirSync(aside(s))],
    [
      'the journal is set aside',
      (s) => renameSync(join(s, 'journal.log'), join(aside(s), 'journal.log')),
    ],
    [
      'the attempts are set aside',
      (s) => renameSync(join(s, 'attempts'), join(aside(s), 'attempts')),
    ],
  ]
  for (const [step] of steps.entries()) {
    const state = join(folder, `step-${step}`)
    copyState(image, state)
    for (const [, happened] of steps.slice(0, step + 1)) happened(state)
    // A start first creates the folders that it needs.
    mkdirSync(join(state, 'attempts'), { recursive: true })
    const copy = start({ hardwareId: B, state })
    await untilOnline(2)
    const now = readIdentity(copy.state)
    expect([steps[step]![0], now.enrollment.device_id]).toEqual([steps[step]![0], 2])
    expect(now.private_key).toBe(private_key)
    expect(now.next).toBeNull()
    expect(journalOf(copy.state)).not.toContain('"accepted"')
    expect(readdirSync(join(copy.state, 'attempts'))).toEqual([])
    expect(existsSync(join(aside(copy.state), 'attempts'))).toBe(true)
    expect(copy.runs()).toBe(0)
    await copy.kill()
    await untilOffline(2)
  }
  expect(await devices()).toHaveLength(2)
  expect(original.output()).not.toContain('Connection lost')
})

it('a removed clone returns with a new code as itself, never as the original', async () => {
  const original = start({ hardwareId: A })
  await untilOnline(1)
  const image = join(folder, 'image')
  copyState(original.state, image)
  const pkcs8 = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'der' })
  changeIdentity(image, { next: { private_key: pkcs8.toString('base64'), enrollment: null } })
  const copy = start({ hardwareId: B, state: image })
  await untilOnline(2)
  await t.rest.call('devices.delete', { params: { id: 2 } })
  await eventually('the clone is refused', () => copy.output().includes('refused this agent'))
  await copy.kill()
  code = (await t.rest.call('enrollments.create', { body: {} })).code
  const again = start({ hardwareId: B, state: image })
  await untilOnline(2)
  await eventually('it logs which device it is', () =>
    again.output().includes('Enrolled as device 2'),
  )
  expect(await devices()).toMatchObject([
    { id: 1, online: true },
    { id: 2, approved: true },
  ])
})
