/** The preview of a deployment: agents are asked, nothing is written. */
import Database from 'better-sqlite3'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestController, type TestController } from '../test-kit/test-controller.ts'

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

it('asks every agent that is there and says per target what would happen', async () => {
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
  const said = preflight.targets.map((t) => [t.device_name, t.outcome, t.reason, t.live])
  expect(said.sort()).toEqual([
    ['a-free', 'ready', null, true],
    ['b-has-it', 'will_skip', 'already_installed', true],
    ['c-full', 'will_fail', 'disk_space', true],
    ['d-restart', 'ready', 'reboot_pending', true],
    ['e-busy', 'will_wait', 'device_busy', true],
    ['f-silent', 'ready', null, false],
    ['g-off', 'will_fail', 'offline', false],
  ])
  // Those that are there come first: a canary on a PC that is off would prove nothing.
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

it('removes: what is not there is skipped, the command says so, and what needs another goes first', async () => {
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
    ['plug-in', 'will_skip', 'already_installed', 'plug-in is not there.'],
    [
      'base',
      'will_fail',
      'install_failed',
      'base cannot be removed: an installer of this kind does not know how to remove what it installed.',
    ],
  ])
  const { deployment_id } = await test.rest.call('deployments.create', { body })
  for (let i = 0; i < 500 && agent.commands.length < 2; i++)
    await new Promise((resolve) => setTimeout(resolve, 10))
  expect(agent.commands.map((c) => [c.action, 'software_name' in c && c.software_name])).toEqual([
    ['uninstall', 'plug-in'],
    ['uninstall', 'base'],
  ])
  expect((await test.rest.call('deployments.get', { params: { id: deployment_id } })).action).toBe(
    'uninstall',
  )
})

it('refuses what creating would refuse, with the place of every mistake', async () => {
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
      '/custom_software/0/fetch_by',
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
