/** The preview of a deployment: agents are queried, nothing is written. */
import Database from 'better-sqlite3'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { InspectPayload } from '#shared/contract/agent/inspect.ts'
import type { RouteReply } from '#shared/contract/rest/routes.ts'
import { until } from '#shared/test-kit/until.ts'
import { makeMsiBytes } from '../../../test-kit/windows-packages.ts'
import { startTestController, type TestController } from '../../../test-kit/test-controller.ts'

let test: TestController
beforeAll(async () => {
  test = await startTestController({
    timings: { presence: { connectGraceMs: 0, offlineAfterMs: 0 } },
  })
})
afterAll(() => test.stop())

const contentOfTables = (): unknown => {
  const db = new Database(join(test.dataDir, 'deployx.db'), { readonly: true })
  const rows = ['deployments', 'deployment_targets', 'deployment_attempts', 'audit_log'].map(
    (table) => db.prepare(`select count(*) n from ${table}`).get(),
  )
  db.close()
  return rows
}

it('queries every connected agent and predicts the outcome of each target', async () => {
  const { id: software } = await test.addScript('tool')
  const names = [
    'a-free',
    'b-has-it',
    'c-full',
    'd-restart',
    'e-busy',
    'f-silent',
    'g-off',
  ] as const
  const identities = await Promise.all(names.map((name) => test.enroll(name)))
  const answers = {
    'a-free': {},
    'b-has-it': { presences: ['present' as const] },
    'c-full': { free_disk_bytes: 1_000 },
    'd-restart': { reboot_pending: true },
    'e-busy': { busy: true },
  }
  for (const identity of identities) {
    if (identity.name === 'g-off') continue
    const own = answers[identity.name as keyof typeof answers]
    await test.connect(identity, {
      inspect: () =>
        identity.name === 'f-silent'
          ? null
          : {
              ok: true,
              free_disk_bytes: 10 ** 12,
              reboot_pending: false,
              busy: false,
              presences: ['absent'],
              ...own,
            },
    })
  }
  const before = contentOfTables()
  const preflight = await test.rest.call('deployments.preflight', {
    body: {
      name: 'look first',
      software_ids: [software],
      device_ids: identities.map((identity) => identity.deviceId),
      strategy_type: 'canary',
      strategy: { canary_count: 2 },
    },
  })
  const outcomes = preflight.targets.map((t) => [t.device_name, t.outcome, t.reason, t.live])
  expect(outcomes.sort()).toEqual([
    ['a-free', 'ready', null, true],
    ['b-has-it', 'will_skip', 'already_installed', true],
    ['c-full', 'will_fail', 'disk_space', true],
    ['d-restart', 'ready', 'reboot_pending', true],
    ['e-busy', 'will_wait', 'device_busy', true],
    ['f-silent', 'ready', null, false],
    ['g-off', 'will_fail', 'offline', false],
  ])
  // Online PCs come first: a canary on a PC that is switched off would prove nothing.
  expect(preflight.waves).toEqual([
    { wave: 1, device_count: 2, device_names: ['a-free', 'b-has-it'] },
    {
      wave: 2,
      device_count: 5,
      device_names: ['c-full', 'd-restart', 'e-busy', 'f-silent', 'g-off'],
    },
  ])
  expect(contentOfTables()).toEqual(before)
})

it('names the PCs that must not start work now, and how long the deployment waits for them', async () => {
  const { id: software } = await test.addScript('held back')
  const room = { ok: true, free_disk_bytes: 10 ** 12, reboot_pending: false, busy: false } as const
  const absent = { ...room, presences: ['absent' as const] }
  const answers = {
    'h-battery': { ...absent, held_by: 'on_battery' as const },
    'h-busy': { ...absent, busy: true, held_by: 'on_battery' as const },
    'h-free': { ...absent, held_by: null },
    'h-has-it': { ...room, presences: ['present' as const], held_by: 'on_battery' as const },
    'h-metered': { ...absent, held_by: 'on_metered' as const },
    'h-old': absent,
  }
  const asked: InspectPayload['conditions'][] = []
  const device_ids: number[] = []
  for (const [name, answer] of Object.entries(answers)) {
    const identity = await test.enroll(name)
    device_ids.push(identity.deviceId)
    await test.connect(identity, {
      inspect: ({ conditions }) => {
        asked.push(conditions)
        return answer
      },
    })
  }
  const look = async (wait_minutes: number) => {
    const body = { name: 'x', software_ids: [software], device_ids, wait_minutes }
    return (await test.rest.call('deployments.preflight', { body })).targets
  }
  const work = (allowed: boolean) =>
    test.rest.call('settings.update', {
      body: { work_on_battery: allowed, work_on_metered: allowed },
    })

  await work(false)
  const battery =
    'On battery power: waits up to 90 minutes for the PC to be plugged in. You can allow work on battery power in the settings.'
  const metered =
    'On a metered network: waits up to 90 minutes for another network. You can allow metered networks in the settings.'
  const targets = await look(90)
  expect(targets.map((t) => [t.device_name, t.outcome, t.reason, t.held_by])).toEqual([
    ['h-battery', 'will_wait', 'retry_later', 'on_battery'],
    ['h-busy', 'will_wait', 'retry_later', 'on_battery'],
    ['h-free', 'ready', null, undefined],
    ['h-has-it', 'will_skip', 'already_installed', undefined],
    ['h-metered', 'will_wait', 'retry_later', 'on_metered'],
    ['h-old', 'ready', null, undefined],
  ])
  expect(targets[0]!.message).toBe(battery)
  expect(targets[4]!.message).toBe(metered)
  expect((await look(1))[0]!.message).toContain('up to 1 minute for')
  expect(asked).toEqual(asked.map(() => ({ on_battery: false, on_metered: false })))
  expect(asked.length).toBe(12)

  // Where everything is allowed, the conditions that an agent reports hold nothing back.
  await work(true)
  const outcomes = (await look(90)).map((t) => t.reason)
  expect(outcomes).toEqual([null, 'device_busy', null, 'already_installed', null, null])
  expect(asked.at(-1)).toEqual({ on_battery: true, on_metered: true })
})

it('removes: skips absent software, sends the right command, and removes dependents first', async () => {
  const [base, plugin] = [await test.addScript('base'), await test.addScript('plug-in')]
  await test.rest.call('software.update', {
    params: { id: plugin.id },
    body: { depends_on: [base.id] },
  })
  const identity = await test.enroll('remover')
  const agent = await test.connect(identity, {
    inspect: () => ({
      ok: true,
      free_disk_bytes: 0,
      reboot_pending: null,
      busy: false,
      presences: ['absent', 'present'],
    }),
    onCommand: (command, self) => {
      if (command.action !== 'cancel') void self.result(command, { message: 'Removed.' })
    },
  })
  const body = {
    name: 'away with it',
    action: 'uninstall' as const,
    software_ids: [base.id, plugin.id],
    device_ids: [identity.deviceId],
  }
  const { targets } = await test.rest.call('deployments.preflight', { body })
  expect(targets.map((t) => [t.software_name, t.outcome, t.reason, t.message])).toEqual([
    ['plug-in', 'will_skip', 'already_installed', 'plug-in is not installed.'],
    [
      'base',
      'will_fail',
      'install_failed',
      'base cannot be removed: installers of this kind cannot remove what they installed.',
    ],
  ])
  const { deployment_id } = await test.rest.call('deployments.create', { body })
  await until('both are ordered', () => agent.commands.length >= 2)
  expect(agent.commands.map((c) => [c.action, 'software_name' in c && c.software_name])).toEqual([
    ['uninstall', 'plug-in'],
    ['uninstall', 'base'],
  ])
  expect((await test.rest.call('deployments.get', { params: { id: deployment_id } })).action).toBe(
    'uninstall',
  )
})

it('predicts that an older agent cannot read the detection rule, and does not ask it', async () => {
  const reply = await test.rest.upload(
    '/software',
    { name: 'keyed.cmd', bytes: '@exit /b 0\r\n' },
    { detection: JSON.stringify({ type: 'uninstall_key', key: 'Keyed' }) },
  )
  const { id: software } = reply.body as RouteReply<'software.create'>
  const asked: InspectPayload['detections'][] = []
  const [older, current] = [await test.enroll('rules-older'), await test.enroll('rules-current')]
  for (const identity of [older, current])
    await test.connect(identity, {
      facts: () => ({ platform: 'windows' }),
      ...(identity === older && { ruleTypes: null }),
      inspect: ({ detections }) => {
        asked.push(detections)
        return {
          ok: true,
          free_disk_bytes: null,
          reboot_pending: null,
          busy: false,
          presences: detections.map((rule) => (rule ? 'absent' : 'unknown')),
        }
      },
    })
  const { targets } = await test.rest.call('deployments.preflight', {
    body: {
      name: 'keyed',
      software_ids: [software],
      device_ids: [older.deviceId, current.deviceId],
    },
  })
  expect(asked.filter(([rule]) => rule === null)).toHaveLength(1)
  const byName = new Map(targets.map((target) => [target.device_name, target]))
  expect(byName.get('rules-current')).toMatchObject({ outcome: 'ready' })
  expect(byName.get('rules-older')).toMatchObject({
    live: true,
    outcome: 'will_fail',
    reason: 'rejected_by_agent',
    message: expect.stringMatching(/keyed \(uninstall_key\)\. Update the agent/) as string,
  })
})

it('refuses what creating the deployment would refuse, with the path of every mistake', async () => {
  const device = await test.enroll('h')
  const body = { name: 'x', software_ids: [1], device_ids: [device.deviceId] }
  const ask = (more: object) =>
    test.rest.raw('POST', '/deployments/preflight', { ...body, ...more })
  for (const [more, path] of [
    [{ action: 'upgrade' }, '/action'],
    [{ reboot: 'always' }, '/reboot'],
    [{ reboot_delay_minutes: 0 }, '/reboot_delay_minutes'],
    [
      { action: 'uninstall', custom_software: [{ name: 'x', download_url: 'http://x/y.deb' }] },
      '/custom_software',
    ],
    [
      { custom_software: [{ name: 'x', download_url: 'http://x/y.deb', fetch_by: 'agents' }] },
      '/custom_software/0/sha256',
    ],
    [{ strategy_type: 'rolling' }, '/strategy/batch_size'],
    [
      { strategy_type: 'rolling', strategy: { batch_size: 2, batch_percent: 10 } },
      '/strategy/batch_percent',
    ],
    [{ strategy_type: 'canary', strategy: { canary_count: 0 } }, '/strategy/canary_count'],
    [{ strategy: { batch_size: 2 } }, '/strategy/batch_size'],
    [{ strategy: { min_executed: 2 } }, '/strategy/min_executed'],
    [{ scheduled_at: '2020-01-01T00:00:00Z' }, '/scheduled_at'],
    [{ scheduled_at: 'tomorrow' }, '/scheduled_at'],
    [{ maintenance_window: { start: '22:00', end: '22:00' } }, '/maintenance_window/end'],
    [{ maintenance_window: { start: '25:00', end: '22:00' } }, '/maintenance_window/start'],
    [
      { maintenance_window: { days: [], start: '21:00', end: '22:00' } },
      '/maintenance_window/days',
    ],
  ] as const) {
    const reply = await ask(more)
    expect([reply.status, JSON.stringify(reply.body)]).toEqual([
      400,
      expect.stringContaining(`"path":"${path}"`),
    ])
  }
})

it('says that an installer without ALLUSERS installs for one user', async () => {
  const properties = {
    ProductName: 'Own',
    ProductVersion: '1.0',
    Manufacturer: 'Ann Onym',
    ProductCode: '{11111111-2222-3333-4444-555555555555}',
  }
  const add = async (name: string, fields: Record<string, string>) => {
    const bytes = new Uint8Array(makeMsiBytes({ properties, template: 'x64;1033' }))
    const reply = await test.rest.upload('/software', { name, bytes }, { name, ...fields })
    return (reply.body as RouteReply<'software.create'>).id
  }
  const software_ids = [
    await add('own.msi', {}),
    await add('all.msi', { install_args: 'ALLUSERS=1' }),
  ]
  const identity = await test.enroll('windows-pc')
  await test.connect(identity, {
    facts: () => ({ platform: 'windows' }),
    inspect: ({ detections }) => ({
      ok: true,
      free_disk_bytes: null,
      reboot_pending: null,
      busy: false,
      presences: detections.map(() => 'absent'),
    }),
  })
  const { targets } = await test.rest.call('deployments.preflight', {
    body: { name: 'own', software_ids, device_ids: [identity.deviceId] },
  })
  expect(targets.map(({ outcome, code }) => [outcome, code])).toEqual([
    ['ready', 'ready_for_one_user'],
    ['ready', 'ready'],
  ])
})
