/**
 * Changes by a second user: sent to open consoles, and never overwritten by a write that is based
 * on an older version.
 */
import { io, type Socket } from 'socket.io-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  CONSOLE_NAMESPACE,
  type ConsoleToHub,
  type FeedEventName,
  type FeedEvents,
  type HubToConsole,
} from '#shared/contract/feed.ts'
import { WireError } from '#shared/contract/errors.ts'
import {
  createRestClient,
  startTestController,
  type RestClient,
  type TestController,
} from '../../test-kit/test-controller.ts'

type ReceivedEvent = { [E in FeedEventName]: { name: E; body: FeedEvents[E] } }[FeedEventName]
type Console = {
  rest: RestClient
  received: ReceivedEvent[]
  /** The next matching event, or an earlier one. */
  until: <E extends FeedEventName>(
    name: E,
    fits?: (body: FeedEvents[E]) => boolean,
  ) => Promise<FeedEvents[E]>
  /** A round trip: everything sent before it has arrived. */
  settled: () => Promise<void>
  close: () => void
}

let t: TestController
let anna: Console
let ben: Console
let pcs: number[]

async function open(token: string): Promise<Console> {
  const socket: Socket<HubToConsole, ConsoleToHub> = io(
    t.controller.consoleUrl + CONSOLE_NAMESPACE,
    { transports: ['websocket'], forceNew: true, auth: { token } },
  )
  const received: ReceivedEvent[] = []
  const waiting = new Set<() => void>()
  socket.onAny((name: FeedEventName, body: unknown) => {
    received.push({ name, body } as ReceivedEvent)
    waiting.forEach((look) => look())
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('connect_error', reject)
  })
  const until: Console['until'] = (name, fits = () => true) =>
    new Promise((resolve) => {
      const look = (): void => {
        const found = received.find((one) => one.name === name && fits(one.body as never))
        if (!found) return
        waiting.delete(look)
        resolve(found.body as never)
      }
      waiting.add(look)
      look()
    })
  const rest = createRestClient(t.controller.consoleUrl, token)
  return {
    rest,
    received,
    until,
    async settled() {
      // Settings are sent to everybody, in order with all other events.
      const now = (await t.rest.call('settings.get', {})).version
      await t.rest.call('settings.update', { body: { work_on_battery: now % 2 === 1 } })
      await until('settings_updated', ({ version }) => version === now + 1)
    },
    close: () => socket.disconnect(),
  }
}

beforeAll(async () => {
  t = await startTestController()
  pcs = []
  for (const name of ['PC-1', 'PC-2', 'PC-3']) pcs.push((await t.enroll(name)).deviceId)
  anna = await open(t.session.token)
  const password = 'correct horse'
  await t.rest.call('users.create', { body: { username: 'ben', password, role: 'technician' } })
  const { token } = await t.anonymous.call('auth.login', { body: { username: 'ben', password } })
  ben = await open(token)
})
afterAll(async () => {
  anna?.close()
  ben?.close()
  await t.stop()
})
const isAbout = (name: string) => (one: ReceivedEvent) => JSON.stringify(one.body).includes(name)
const refusal = (reply: { status: number; body: unknown }) => ({
  status: reply.status,
  error: WireError.parse((reply.body as { error: unknown }).error),
})

describe('the feed', () => {
  it('sends group creation, change and removal', async () => {
    const { id } = await t.rest.call('groups.create', {
      body: { name: 'Lager', device_ids: [pcs[0]!] },
    })
    const isIt = (body: FeedEvents['groups_updated']) => 'group' in body && body.group.id === id
    await anna.until('groups_updated', isIt)
    await t.rest.call('groups.update', { params: { id }, body: { add_device_ids: [pcs[1]!] } })
    await anna.until(
      'groups_updated',
      (body) => 'group' in body && body.group.id === id && body.group.device_ids.length === 2,
    )
    await t.rest.call('groups.delete', { params: { id } })
    await anna.until('groups_updated', (body) => 'removed_group_id' in body)
    await ben.settled()
    expect(ben.received.filter(isAbout('Lager'))).toEqual([])
  })

  it('sends a group whose PC was removed, or that a PC joined by a code', async () => {
    const group = await t.rest.call('groups.create', { body: { name: 'Empfang' } })
    const { code } = await t.rest.call('enrollments.create', { body: { group_ids: [group.id] } })
    const { enrollSimAgent } = await import('../../test-kit/sim-agent.ts')
    const { deviceId } = await enrollSimAgent(t.hub, code, 'PC-9')
    const members = (count: number) => (body: FeedEvents['groups_updated']) =>
      'group' in body && body.group.id === group.id && body.group.device_ids.length === count
    await anna.until('groups_updated', members(1))
    anna.received.length = 0
    await t.rest.call('devices.delete', { params: { id: deviceId } })
    await anna.until('groups_updated', members(0))
  })

  it("sends software changes, and an administrator's to everybody", async () => {
    const { id } = await t.addScript('editor')
    for (const one of [anna, ben])
      await one.until('software_updated', (body) => 'software' in body && body.software.id === id)
    await t.rest.call('software.delete', { params: { id } })
    for (const one of [anna, ben])
      await one.until('software_updated', (body) => 'removed_software_id' in body)
  })

  it('sends users to administrators only, and each user their own codes', async () => {
    await t.rest.call('users.create', {
      body: { username: 'cleo', password: 'correct horse', role: 'technician' },
    })
    await anna.until('users_updated', (body) => 'user' in body && body.user.username === 'cleo')
    const { id } = await ben.rest.call('enrollments.create', { body: {} })
    for (const one of [anna, ben])
      await one.until('enrollments_updated', (b) => 'enrollment' in b && b.enrollment.id === id)
    const mine = await t.rest.call('enrollments.create', { body: { max_uses: 77 } })
    await anna.until('enrollments_updated', (b) => 'enrollment' in b && b.enrollment.id === mine.id)
    await ben.settled()
    expect(ben.received.filter(({ name }) => name === 'users_updated')).toEqual([])
    const ofCodes = ben.received.filter(({ name }) => name === 'enrollments_updated')
    expect(ofCodes.filter(isAbout(':77,'))).toEqual([])
  })

  it('makes everybody reload when something changes owner', async () => {
    const { users } = await t.rest.call('users.list', {})
    const id = users.find(({ username }) => username === 'cleo')!.id
    ben.received.length = 0
    await t.rest.call('users.delete', { params: { id }, query: {} })
    await ben.until('groups_updated', (body) => 'reload' in body)
    await ben.until('software_updated', (body) => 'reload' in body)
    await anna.until('users_updated', (body) => 'removed_user_id' in body)
  })
})

describe('two users who write at the same time', () => {
  it('both keep the PCs that they add to a group', async () => {
    const { id } = await t.rest.call('groups.create', {
      body: { name: 'Kasse', device_ids: [pcs[0]!] },
    })
    await Promise.all([
      t.rest.call('groups.update', { params: { id }, body: { add_device_ids: [pcs[1]!] } }),
      t.rest.call('groups.update', {
        params: { id },
        body: { add_device_ids: [pcs[2]!], remove_device_ids: [pcs[0]!, 9_999] },
      }),
    ])
    const { groups } = await t.rest.call('groups.list', {})
    const after = groups.find((group) => group.id === id)!
    expect([...after.device_ids].sort()).toEqual([pcs[1], pcs[2]])
  })

  it('cannot add a PC that they cannot see, nor replace all members and add single ones in one request', async () => {
    const { id } = await ben.rest.call('groups.create', { body: { name: 'bens' } })
    const add = await ben.rest.raw('PATCH', `/groups/${id}`, { add_device_ids: [pcs[0]] })
    expect(add.status).toBe(404)
    const both = await t.rest.raw('PATCH', `/groups/${id}`, {
      device_ids: [],
      add_device_ids: [pcs[0]],
    })
    expect(both.status).toBe(400)
  })

  it('receive the current state when they overwrite a newer group', async () => {
    const group = await t.rest.call('groups.create', { body: { name: 'Werkstatt' } })
    const path = `/groups/${group.id}`
    const { version } = group
    expect((await t.rest.raw('PATCH', path, { name: 'Werk', version })).status).toBe(200)
    const late = refusal(
      await t.rest.raw('PATCH', path, { name: 'Halle', device_ids: [pcs[0]], version }),
    )
    expect(late).toMatchObject({
      status: 409,
      error: {
        code: 'E_CONFLICT',
        current: { name: 'Werk', version: version + 1, device_ids: [] },
      },
    })
    // A write with the current version succeeds; a write without a version always does.
    expect((await t.rest.raw('PATCH', path, { name: 'Halle', version: version + 1 })).status).toBe(
      200,
    )
    expect((await t.rest.raw('PATCH', path, { name: 'Hof' })).status).toBe(200)
  })

  it('receive the current state of software and its installers', async () => {
    const software = await t.addScript('player')
    const { revision } = software
    const path = `/software/${software.id}`
    const installer = `${path}/installers/${software.installers[0]!.id}`
    expect((await t.rest.raw('PATCH', path, { publisher: 'A', revision })).status).toBe(200)
    for (const [where, body] of [
      [path, { publisher: 'B', revision }],
      [installer, { install_args: '-q', revision }],
    ] as const)
      expect(refusal(await t.rest.raw('PATCH', where, body))).toMatchObject({
        status: 409,
        error: { code: 'E_CONFLICT', current: { publisher: 'A', revision: revision + 1 } },
      })
    const now = { install_args: '-q', revision: revision + 1 }
    expect((await t.rest.raw('PATCH', installer, now)).body).toMatchObject({
      revision: revision + 2,
    })
  })

  it('receive the current state of users', async () => {
    const user = await t.rest.call('users.create', {
      body: { username: 'dora', password: 'correct horse', role: 'technician' },
    })
    const path = `/users/${user.id}`
    await t.rest.call('users.update', { params: { id: user.id }, body: { disabled: true } })
    const late = await t.rest.raw('PATCH', path, { role: 'admin', version: user.version })
    expect(refusal(late)).toMatchObject({
      status: 409,
      error: { code: 'E_CONFLICT', current: { role: 'technician', disabled: true } },
    })
  })

  it('receive the name that someone else gave a PC', async () => {
    const id = pcs[1]!
    const path = `/devices/${id}`
    const { version } = await t.rest.call('devices.get', { params: { id } })
    // Other changes of the PC do not count.
    await t.rest.call('groups.create', { body: { name: 'Annahme', device_ids: [id] } })
    const first = await t.rest.raw('PATCH', path, { name: 'Kasse 1', version })
    expect(first.body).toMatchObject({ name: 'Kasse 1', version: version + 1 })
    for (const name of ['Front desk', null]) {
      const late = refusal(await t.rest.raw('PATCH', path, { name, version }))
      expect(late).toMatchObject({
        status: 409,
        error: {
          code: 'E_CONFLICT',
          reason: 'device_renamed',
          message: 'The name of this PC was changed to Kasse 1 in the meantime.',
          current: { id, name: 'Kasse 1', version: version + 1 },
        },
      })
    }
    const { entries } = await t.rest.call('audit.list', {
      query: { device_id: id, action: 'device.rename' },
    })
    expect(entries).toHaveLength(1)
    const again = await t.rest.raw('PATCH', path, { name: 'Front desk', version: version + 1 })
    expect(again.body).toMatchObject({ name: 'Front desk', version: version + 2 })
    // The same name again changes nothing; without a version, a write always succeeds.
    expect((await t.rest.raw('PATCH', path, { name: 'Front desk' })).body).toMatchObject({
      version: version + 2,
    })
    expect((await t.rest.raw('PATCH', path, { name: 'PC-2' })).body).toMatchObject({
      name: 'PC-2',
      version: version + 3,
    })
    expect((await t.rest.raw('PATCH', path, { name: 'x', version: -1 })).status).toBe(400)
  })

  it('receive the current state of settings', async () => {
    const { version } = await t.rest.call('settings.get', {})
    await t.rest.call('settings.update', { body: { bandwidth_hub_kib_s: 100 } })
    const late = await t.rest.raw('PATCH', '/settings', { bandwidth_hub_kib_s: 200, version })
    expect(refusal(late)).toMatchObject({
      status: 409,
      error: { code: 'E_CONFLICT', current: { bandwidth_hub_kib_s: 100, version: version + 1 } },
    })
    await t.restart()
    expect((await t.rest.call('settings.get', {})).version).toBe(version + 1)
  })
})
