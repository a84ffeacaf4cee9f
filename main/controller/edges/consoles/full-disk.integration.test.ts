/** A controller whose disk is full: people can sign in, cancel and delete, results are recorded, and the rest is refused with a message. */
import { join } from 'node:path'
import { io } from 'socket.io-client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CONSOLE_NAMESPACE } from '#shared/contract/feed.ts'
import type { HubStatus } from '#shared/contract/rest/hub.ts'
import type { WireError } from '#shared/contract/errors.ts'
import type { DeploymentId } from '#shared/domain/ids.ts'
import { canMakeDisks, makeSmallDisk, type SmallDisk } from '../../test-kit/small-disk.ts'
import {
  createRestClient,
  startTestController,
  type RestClient,
  type TestController,
} from '../../test-kit/test-controller.ts'

if (!canMakeDisks)
  process.stderr.write('SKIPPED: tests of full disks need Linux and root, to mount a tmpfs\n')
const MIB = 1024 * 1024

let disk: SmallDisk
let t: TestController
beforeEach(async () => {
  disk = makeSmallDisk('128m')
  t = await startTestController({ dataDir: join(disk.path, 'data') })
})
afterEach(async () => {
  disk.empty()
  await t.stop()
  disk.remove()
})

async function signIn(): Promise<RestClient> {
  const body = { username: 'anna', password: 'correct horse' }
  const { token } = await t.anonymous.call('auth.login', { body })
  return createRestClient(t.controller.consoleUrl, token)
}
/** Fills the disk completely, including space that the controller has freed meanwhile. */
const fill = (): void => disk.fill()
const progressOf = (id: DeploymentId) => t.rest.call('deployments.progress', { params: { id } })

describe.skipIf(!canMakeDisks)('on a full disk', () => {
  it('people sign in, cancel, and delete software to make room; results are recorded', async () => {
    const tool = await t.addScript('tool')
    const large = await t.rest.upload('/software', {
      name: 'large.sh',
      bytes: `#!/bin/sh\n${'#'.repeat(20 * MIB)}`,
    })
    const identity = await t.enroll('PC-1')
    const agent = await t.connect(identity)
    const create = async (device_ids = [identity.deviceId]) =>
      (
        await t.rest.call('deployments.create', {
          body: { name: 'd', software_ids: [tool.id], device_ids, offline_policy: 'wait' },
        })
      ).deployment_id
    const running = await create()
    await expect.poll(() => agent.commands.length).toBe(1)
    const waiting = await create()
    fill()

    const anna = await signIn()
    expect((await anna.raw('POST', `/deployments/${waiting}/cancel`)).status).toBe(200)
    fill()
    const reply = await agent.result(agent.commands[0] as never, {})
    expect(reply).toMatchObject({ committed: true })
    await expect.poll(async () => (await progressOf(running)).status).toBe('completed')
    fill()
    // What can wait is refused, with the reason.
    const refused = await anna.upload('/software', { name: 'more.sh', bytes: '#!/bin/sh\n' })
    expect(refused.status).toBe(507)
    expect((refused.body as { error: WireError }).error).toMatchObject({
      code: 'E_DISK_FULL',
      message: expect.stringContaining('full') as string,
    })
    fill()
    const free = disk.freeBytes()
    const { id } = large.body as { id: number }
    expect((await anna.raw('DELETE', `/software/${id}`)).status).toBe(200)
    expect(disk.freeBytes()).toBeGreaterThan(free + 19 * MIB)
    await signIn()
  })

  it('open consoles are notified how much space is left, and when there is room again', async () => {
    const socket = io(t.controller.consoleUrl + CONSOLE_NAMESPACE, {
      transports: ['websocket'],
      forceNew: true,
      auth: { token: t.session.token },
    })
    try {
      const levels: (string | undefined)[] = []
      let look: () => void = () => undefined
      const until = (level: string) =>
        new Promise<void>((resolve) => {
          look = () => levels.at(-1) === level && resolve()
          look()
        })
      socket.on('hub_updated', (status: HubStatus) => {
        levels.push(status.disk?.level)
        look()
      })
      await new Promise<void>((resolve) => socket.on('connect', () => resolve()))
      expect((await t.rest.call('hub.get', {})).disk?.level).toBe('short')
      fill()
      await until('low')
      disk.empty()
      await until('short')
      const { free_bytes } = (await t.rest.call('hub.get', {})).disk ?? {}
      expect(free_bytes).toBeGreaterThan(32 * MIB)
    } finally {
      socket.disconnect()
    }
  })

  it('a restart works, and people can sign in after it', async () => {
    await t.addScript('tool')
    fill()
    await t.restart()
    fill()
    const anna = await signIn()
    expect((await anna.raw('GET', '/software')).status).toBe(200)
    expect((await anna.raw('POST', '/auth/logout')).status).toBe(200)
  })

  it('without any reserve a write is refused with a message, reads continue, and nothing crashes', async () => {
    const identity = await t.enroll('PC-1')
    const agent = await t.connect(identity)
    await t.addScript('tool')
    // Each time another program takes the freed space.
    let last = 200
    for (let n = 0; n < 400 && last === 200; n++) {
      fill()
      const name = `group ${n} ${'x'.repeat(80)}`
      last = (await t.rest.raw('POST', '/groups', { name })).status
    }
    expect(last).toBe(507)
    expect((await t.rest.raw('GET', '/devices')).status).toBe(200)
    const wrong = { username: 'anna', password: 'wrong horse' }
    expect((await t.anonymous.raw('POST', '/auth/login', wrong)).status).toBe(401)
    // The time at which a PC disconnects is recorded later.
    agent.close()
    await expect
      .poll(async () => {
        const reply = await t.rest.raw('GET', `/devices/${identity.deviceId}`)
        return (reply.body as { online: boolean }).online
      })
      .toBe(false)
    await new Promise((resolve) => setTimeout(resolve, 3_000)) // longer than it waits to write
    expect((await t.anonymous.raw('GET', '/health')).status).toBe(200)
    disk.empty()
    await signIn()
  })
})
