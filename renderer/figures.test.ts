import { describe, expect, it } from 'vitest'
import { Preflight } from '#shared/contract/rest/deployments.ts'
import { ErrorCode } from '#shared/contract/errors.ts'
import { inFilter, lookOfDevice } from './features/devices/devices.ts'
import { ERROR_TEXT, failureText, fieldMessage } from './ui/lib/error-text.ts'
import { estimate, misfits } from './features/wizard/estimate.ts'
import { safeFileName } from './ui/lib/file-name.ts'
import { byteFigures, downloadFraction } from './features/deployments/live-figures.ts'
import {
  askedInWords,
  deployableDevices,
  devicesOfCause,
  groupPreflight,
} from './features/wizard/preflight.ts'
import { explainBeside } from './features/deployments/reasons.ts'
import { byName, matches } from './ui/lib/search.ts'
import { countsInWords, lookOfDeployment, lookOfTarget } from './ui/lib/states.ts'
import { aDeployment, aDevice, aSoftware, aTarget } from './test-kit.ts'
import { verdictInWords } from './features/dashboard/verdict.ts'

describe('bytes of a deployment', () => {
  it('counts finished downloads in full, running ones so far, and failed ones not at all', () =>
    expect(
      byteFigures(
        [
          aTarget({ deployment_status: 'completed', total_bytes: 100 }),
          aTarget({ deployment_status: 'downloading', bytes: 30, total_bytes: 100 }),
          aTarget({ deployment_status: 'failed', bytes: 50, total_bytes: 100 }),
          aTarget({ deployment_status: 'pending', total_bytes: 100 }),
        ],
        () => null,
      ),
    ).toEqual({ sentBytes: 130, totalBytes: 300 }))
  it('takes the size from the library when the agent has not reported it', () =>
    expect(byteFigures([aTarget()], () => 70).totalBytes).toBe(70))
  it('shows no total while a size is unknown', () =>
    expect(byteFigures([aTarget()], () => null).totalBytes).toBeNull())
  it('has no fraction outside a download', () => {
    expect(
      downloadFraction({ deployment_status: 'installing', bytes: 1, total_bytes: 1 }),
    ).toBeNull()
    expect(downloadFraction({ deployment_status: 'downloading', bytes: 5, total_bytes: 10 })).toBe(
      0.5,
    )
  })
})

describe('states', () => {
  it('list only counts above zero', () =>
    expect(
      countsInWords({
        completed: 31,
        failed: 1,
        skipped: 0,
        installing: 4,
        downloading: 0,
        pending: 0,
      }).map((c) => c.text),
    ).toEqual(['31 completed', '4 installing', '1 failed']))
  it('distinguish cancelling from running', () =>
    expect(lookOfDeployment(aDeployment({ canceling: true })).label).toBe('Cancelling'))
  it('distinguish a scheduled start from a queue', () => {
    const pending = { status: 'pending', scheduled_at: '2026-11-24T10:00:00.000Z' } as const
    expect(lookOfDeployment(aDeployment(pending)).label).toBe('Scheduled')
    expect(lookOfDeployment(aDeployment({ status: 'pending' })).label).toBe('Queued')
    expect(lookOfDeployment(aDeployment({ ...pending, canceling: true })).label).toBe('Cancelling')
  })
  it('show a target skipped by a cancel as cancelled', () =>
    expect(lookOfTarget(aTarget({ deployment_status: 'skipped', reason: 'canceled' })).label).toBe(
      'Cancelled',
    ))
  it('show that a PC waits for another installation, without download progress', () => {
    const waiting = aTarget({ deployment_status: 'downloading', reason: 'device_busy' })
    expect(lookOfTarget(waiting)).toMatchObject({ label: 'Waiting', tone: 'waiting' })
    expect(explainBeside(waiting, lookOfTarget(waiting))).toBe('for other work on this PC')
    expect(downloadFraction({ ...waiting, bytes: 5, total_bytes: 5 })).toBeNull()
  })
  it('show blocked before online', () =>
    expect(lookOfDevice(aDevice({ blocked: true })).label).toBe('Blocked'))
  it('treat a blocked PC as decided, not as waiting for approval', () =>
    expect(inFilter(aDevice({ approved: false, blocked: true }), 'pending')).toBe(false))
  it('summarise the result of a deployment', () => {
    const done = {
      action: 'install',
      success_count: 31,
      failure_count: 1,
      skipped_count: 0,
    } as const
    expect(verdictInWords({ status: 'partial', ...done })).toBe('31 completed, 1 failed')
    expect(verdictInWords({ status: 'canceled', ...done })).toBe(
      'Cancelled: 31 completed, 1 failed',
    )
  })
})

describe('a preflight', () => {
  const target = (
    device_id: number,
    outcome: string,
    message: string,
    reason: string | null = null,
  ) => ({
    device_id,
    device_name: `PC-${device_id}`,
    software_id: 1,
    software_name: 'VLC',
    outcome,
    live: true,
    restart: 'never',
    restart_note: null,
    reason,
    message,
    size_bytes: 1,
  })
  const preflight = Preflight.parse({
    targets: [
      target(1, 'ready', 'ready'),
      target(2, 'will_fail', 'offline'),
      target(3, 'will_fail', 'offline'),
      target(4, 'will_fail', 'disk'),
      target(5, 'will_wait', 'offline'),
    ],
    device_count: 5,
    software_count: 1,
    total_bytes: 5,
    waves: [],
  })
  it('always shows all four outcomes, with causes by size', () => {
    const groups = groupPreflight(preflight, 'install')
    expect(groups.map((g) => [g.outcome, g.count])).toEqual([
      ['ready', 1],
      ['will_wait', 1],
      ['will_skip', 0],
      ['will_fail', 3],
    ])
    expect(groups[3]?.causes.map((c) => c.message)).toEqual(['offline', 'disk'])
  })
  it('lists each PC once, with its packages unless all of them are affected', () => {
    const two = Preflight.parse({
      ...preflight,
      software_count: 2,
      targets: [
        target(1, 'ready', ''),
        { ...target(1, 'ready', ''), software_id: 2, software_name: '7-Zip' },
        target(2, 'ready', ''),
      ],
    })
    const [cause] = groupPreflight(two, 'install')[0]!.causes
    expect(devicesOfCause(cause!, 2).map((d) => [d.device_name, d.software])).toEqual([
      ['PC-1', []],
      ['PC-2', ['VLC']],
    ])
  })
  it('groups the already installed and the pending restarts regardless of package', () => {
    const there = (id: number, software: string) => ({
      ...target(id, 'will_skip', `${software} is already installed.`, 'already_installed'),
      software_name: software,
    })
    const both = Preflight.parse({
      ...preflight,
      targets: [
        there(1, 'VLC'),
        there(1, '7-Zip'),
        there(2, 'VLC'),
        target(3, 'ready', 'Online and free.'),
        target(4, 'ready', 'Online, but a restart is pending.', 'reboot_pending'),
      ],
    })
    const [ready, , skip] = groupPreflight(both, 'install')
    expect(skip?.causes.map((c) => [c.message, c.targets.length])).toEqual([
      ['Already installed', 3],
    ])
    expect(ready?.causes.map((c) => c.reason)).toEqual([null, 'reboot_pending'])
  })
  it('remarks on ready PCs whose package would serve one user only', () => {
    const both = Preflight.parse({
      ...preflight,
      targets: [
        { ...target(1, 'ready', 'Online and free.'), code: 'ready', params: {} },
        {
          ...target(2, 'ready', 'For one user.'),
          ...{ code: 'ready_for_one_user', params: { software: 'VLC' } },
        },
      ],
    })
    const { causes } = groupPreflight(both, 'install')[0]!
    expect(causes.map((c) => [c.isRemark, c.message.includes('installs for one user')])).toEqual([
      [false, false],
      [true, true],
    ])
  })
  it('separates PCs on battery, on a metered network and busy, and counts all as deployable', () => {
    const held = (id: number, held_by: 'on_battery' | 'on_metered') => ({
      ...target(id, 'will_wait', held_by, 'retry_later'),
      held_by,
    })
    const waiting = Preflight.parse({
      ...preflight,
      targets: [
        target(1, 'will_wait', 'busy', 'device_busy'),
        held(2, 'on_battery'),
        held(3, 'on_metered'),
        held(4, 'on_battery'),
      ],
    })
    const causes = groupPreflight(waiting, 'install')[1]!.causes
    expect(causes.map((c) => [c.message, c.targets.map((t) => t.device_id)])).toEqual([
      ['on_battery', [2, 4]],
      ['busy', [1]],
      ['on_metered', [3]],
    ])
    expect(deployableDevices(waiting)).toBe(4)
  })
  it('states how many PCs were queried just now and how many judged by the last known state', () => {
    const of = (...live: boolean[]) =>
      askedInWords(
        Preflight.parse({
          ...preflight,
          device_count: live.length,
          targets: live.map((is, i) => ({ ...target(i + 1, 'ready', ''), live: is })),
        }),
      )
    expect(of(true, true)).toBe('2 PCs checked just now.')
    expect(of(true, false)).toBe('1 PC checked just now, 1 PC based on its last known state.')
    expect(of(false)).toBe('1 PC based on its last known state.')
  })
  it('counts the PCs that will be deployed to', () => expect(deployableDevices(preflight)).toBe(2))
})

describe('an estimate', () => {
  it('adds up the installer that fits each PC', () =>
    expect(
      estimate([aSoftware()], [aDevice(), aDevice({ id: 2, platform: 'linux', online: false })]),
    ).toEqual({ deviceCount: 2, onlineCount: 1, totalBytes: 1_000 }))
  it('lists software without an installer for a PC', () =>
    expect(misfits([aSoftware()], aDevice({ platform: 'macos' }))).toEqual(['VLC']))
})

describe('searching', () => {
  it('requires every word, in any field, ignoring case and accents', () => {
    expect(matches('buro pc', ['PC-1', 'Büro'])).toBe(true)
    expect(matches('buro mac', ['PC-1', 'Büro'])).toBe(false)
    expect(matches('  ', ['x'])).toBe(true)
  })
  it('sorts PC-2 before PC-10', () =>
    expect(['PC-10', 'pc-2'].sort(byName)).toEqual(['pc-2', 'PC-10']))
})

describe('error texts', () => {
  it('exist for every code', () => {
    for (const code of ErrorCode.options) expect(ERROR_TEXT[code].title).not.toBe('')
  })
  it("show the controller's message only where it is more specific", () => {
    expect(
      failureText({ code: 'E_CONFLICT', message: 'the name is taken', details: [] }).title,
    ).toBe('The name is taken')
    expect(failureText({ code: 'E_INTERNAL', message: 'SQLITE_BUSY', details: [] }).title).toBe(
      'An error in the controller',
    )
  })
  it('show the situation in words of the console, with its parameters as text', () => {
    const failure = (params: Record<string, string>) => ({
      code: 'E_IN_USE' as const,
      message: 'the text of the controller',
      details: [],
      reason: 'used_by_deployment' as const,
      params,
    })
    const hostile = "{what} @:errors <b>| {'x'}"
    expect(failureText(failure({ what: 'Editor', deployment: hostile })).title).toBe(
      `Editor is part of the deployment ${hostile}, which has not ended. Wait until it ends, or cancel it.`,
    )
    expect(failureText(failure({ what: 'Editor' })).title).toBe('The text of the controller')
  })
  it('include the message for a field', () => {
    const failure = {
      code: 'E_VALIDATION' as const,
      message: '',
      details: [{ path: '/custom_software/0/kind', message: 'is missing' }],
    }
    expect(fieldMessage(failure, '/custom_software')).toBe('Is missing')
    expect(fieldMessage(failure, '/name')).toBeUndefined()
  })
})

it('makes file names that are valid on every system', () => {
  expect(safeFileName('../../etc/passwd <x>', 'csv')).toBe('etc passwd x.csv')
  expect(safeFileName('***', 'csv')).toBe('deployment.csv')
})
