/** What people do during a deployment: cancel, pause, resume, retry, remove a device. */
import { expect } from 'vitest'
import { downloads, fails, hangs, installs, obeys, silent } from '../scenario-agent.ts'
import type { Row } from '../scenario.ts'
import {
  blocks,
  check,
  comesBack,
  person,
  personMayNot,
  remains,
  removes,
  reports,
  until,
  untilCommand,
  untilStatus,
  vanishes,
  waits,
} from '../scenario-steps.ts'
import { DONE, INSTALLING, TAKEN } from './timings.ts'

const away = { A: { isAway: true } }
const wait = { offline_policy: 'wait' } as const
const WAITS = ['pending', 'pending waiting_for_device']
const tomorrow = () => new Date(Date.now() + 24 * 3_600_000).toISOString()

export const peopleRows: Row[] = [
  {
    name: 'cancelled while it downloads',
    pcs: { A: { does: [[downloads]] } },
    steps: [until('A', 'downloading'), person('cancel')],
    status: 'canceled',
    counts: { skipped: 1 },
    targets: { A: { chain: [...TAKEN, 'skipped canceled'], message: /Stopped/ } },
  },
  {
    name: 'cancelled while it installs: what runs ends and is recorded',
    pcs: { A: { does: [[installs]] } },
    steps: [
      until('A', 'installing'),
      person('cancel'),
      remains('A', 'installing', 200),
      reports('A'),
    ],
    status: 'canceled',
    counts: { completed: 1 },
    targets: { A: { chain: DONE } },
  },
  {
    name: 'cancelled while it installs, and the installer fails',
    pcs: { A: { does: [[installs]] } },
    steps: [
      until('A', 'installing'),
      person('cancel'),
      reports('A', { status: 'failed', message: 'It broke.', exit_code: 1 }),
    ],
    status: 'canceled',
    counts: { failed: 1 },
    targets: { A: { chain: [...INSTALLING, 'failed install_failed'] } },
  },
  {
    name: 'cancelled while another target runs: the rest is skipped',
    pcs: { A: { does: [[installs]] }, B: {} },
    deployment: { strategy: { max_concurrent: 1 } },
    steps: [
      until('A', 'installing'),
      person('cancel'),
      until('B', 'skipped canceled'),
      reports('A'),
    ],
    status: 'canceled',
    targets: {
      A: { chain: DONE },
      B: { chain: ['pending', 'pending waiting_for_wave', 'skipped canceled'] },
    },
  },
  {
    name: 'cancelled before the agent answered: it never received the command',
    pcs: { A: { does: [silent] } },
    steps: [untilCommand('A'), person('cancel')],
    status: 'canceled',
    targets: { A: { chain: ['pending', 'skipped canceled'], message: /before it started/ } },
  },
  {
    name: 'cancelled, and the agent answers neither the cancel nor the command',
    pcs: { A: { does: [silent], ignoresCancel: true } },
    steps: [untilCommand('A'), person('cancel')],
    status: 'canceled',
    counts: { failed: 1 },
    targets: {
      A: { chain: ['pending', 'failed lease_expired'], message: /did not accept the command/ },
    },
  },
  {
    name: 'cancelled while the device is away: it ends with its lease',
    pcs: { A: { does: [[downloads]] } },
    steps: [until('A', 'downloading'), vanishes('A'), person('cancel')],
    status: 'canceled',
    targets: { A: { chain: [...TAKEN, 'failed lease_expired'] } },
  },
  {
    name: 'cancelled while the device is away: the agent is asked to stop when it comes back',
    pcs: { A: { does: [[downloads]] } },
    steps: [until('A', 'downloading'), vanishes('A'), person('cancel'), waits(200), comesBack('A')],
    status: 'canceled',
    targets: { A: { chain: [...TAKEN, 'skipped canceled'] } },
  },
  {
    name: 'cancelled while paused',
    pcs: { A: { does: [[installs]] }, B: {} },
    deployment: { strategy: { max_concurrent: 1 } },
    steps: [
      until('A', 'installing'),
      person('pause'),
      until('B', 'pending paused'),
      person('cancel'),
      reports('A'),
    ],
    status: 'canceled',
    targets: {
      B: { chain: ['pending', 'pending waiting_for_wave', 'pending paused', 'skipped canceled'] },
    },
  },
  {
    name: 'cancelled twice does no harm',
    pcs: away,
    deployment: wait,
    steps: [
      until('A', 'pending waiting_for_device'),
      person('cancel'),
      untilStatus('canceled'),
      personMayNot('cancel'),
    ],
    status: 'canceled',
    targets: { A: { chain: [...WAITS, 'skipped canceled'] } },
  },
  {
    name: 'an ended deployment cannot be cancelled, paused or resumed',
    pcs: { A: { does: [fails()] } },
    steps: [
      untilStatus('failed'),
      personMayNot('cancel'),
      personMayNot('pause'),
      personMayNot('resume'),
    ],
    status: 'failed',
    targets: { A: { chain: [...INSTALLING, 'failed install_failed'] } },
  },
  {
    name: 'paused: running targets continue, nothing new starts, until resumed',
    pcs: { A: { does: [[installs]] }, B: {} },
    deployment: { strategy: { max_concurrent: 1 } },
    steps: [
      until('A', 'installing'),
      person('pause'),
      reports('A'),
      until('A', 'completed'),
      remains('B', 'pending paused'),
      person('resume'),
    ],
    status: 'completed',
    targets: {
      A: { chain: DONE },
      B: { chain: ['pending', 'pending waiting_for_wave', 'pending paused', ...DONE] },
    },
  },
  {
    name: 'paused and the device goes offline: it fails only after the resume',
    pcs: { A: { does: [[installs]] }, B: {} },
    deployment: { strategy: { max_concurrent: 1 } },
    steps: [
      until('A', 'installing'),
      person('pause'),
      until('B', 'pending paused'),
      vanishes('B'),
      remains('B', 'pending paused'),
      person('resume'),
      until('B', 'failed offline'),
      reports('A'),
    ],
    status: 'partial',
    targets: {
      B: { chain: ['pending', 'pending waiting_for_wave', 'pending paused', 'failed offline'] },
    },
  },
  {
    name: 'not started yet: it cannot be paused',
    deployment: { scheduled_at: tomorrow() },
    steps: [
      until('A', 'pending waiting_for_window'),
      personMayNot('pause'),
      personMayNot('resume'),
      personMayNot('retry'),
      person('cancel'),
    ],
    status: 'canceled',
    targets: { A: { chain: ['pending', 'pending waiting_for_window', 'skipped canceled'] } },
  },
  {
    name: 'not paused: it cannot be resumed',
    pcs: away,
    deployment: wait,
    steps: [until('A', 'pending waiting_for_device'), personMayNot('resume'), person('cancel')],
    status: 'canceled',
    targets: { A: { chain: [...WAITS, 'skipped canceled'] } },
  },
  {
    name: 'all failed targets are retried',
    pcs: { A: { does: [fails(), obeys] }, B: { does: [fails(), obeys] }, C: {} },
    steps: [untilStatus('partial'), person('retry')],
    status: 'completed',
    counts: { completed: 3 },
    targets: {
      A: { chain: [...INSTALLING, 'failed install_failed', ...DONE], attempt: 2 },
      B: { chain: [...INSTALLING, 'failed install_failed', ...DONE] },
      C: { chain: DONE, attempt: 1 },
    },
  },
  {
    name: 'one of two failed targets is retried',
    pcs: { A: { does: [fails(), obeys] }, B: { does: [fails()] } },
    steps: [untilStatus('failed'), person('retry', 'A')],
    status: 'partial',
    counts: { completed: 1, failed: 1 },
    targets: {
      A: { chain: [...INSTALLING, 'failed install_failed', ...DONE] },
      B: { chain: [...INSTALLING, 'failed install_failed'], attempt: 1 },
    },
  },
  {
    name: 'a target that has not failed cannot be retried',
    pcs: { A: {}, B: { does: [fails()] } },
    steps: [untilStatus('partial'), personMayNot('retry', 'A'), personMayNot('retry', 'B', 'A')],
    status: 'partial',
    targets: {
      A: { chain: DONE, attempt: 1 },
      B: { chain: [...INSTALLING, 'failed install_failed'], attempt: 1 },
    },
  },
  {
    name: 'where nothing failed there is nothing to retry',
    steps: [untilStatus('completed'), personMayNot('retry')],
    status: 'completed',
    targets: { A: { chain: DONE } },
  },
  {
    name: 'a retry during a cancellation is refused',
    pcs: { A: { does: [[installs]] }, B: { does: [fails()] } },
    steps: [
      until('A', 'installing'),
      until('B', 'failed install_failed'),
      person('cancel'),
      personMayNot('retry'),
      reports('A'),
    ],
    status: 'canceled',
    counts: { completed: 1, failed: 1 },
    targets: { B: { chain: [...INSTALLING, 'failed install_failed'] } },
  },
  {
    name: 'a failed target of a cancelled deployment is retried',
    pcs: { A: { does: [[installs], obeys] } },
    steps: [
      until('A', 'installing'),
      person('cancel'),
      reports('A', { status: 'failed', message: 'It broke.', exit_code: 1 }),
      untilStatus('canceled'),
      person('retry'),
    ],
    status: 'completed',
    targets: { A: { chain: [...INSTALLING, 'failed install_failed', ...DONE], attempt: 2 } },
  },
  {
    name: 'retried while other targets still run',
    pcs: { A: { does: [fails(), obeys] }, B: { does: [[installs]] } },
    steps: [
      until('A', 'failed install_failed'),
      until('B', 'installing'),
      person('retry', 'A'),
      until('A', 'completed'),
      reports('B'),
    ],
    status: 'completed',
    targets: {
      A: { chain: [...INSTALLING, 'failed install_failed', ...DONE] },
      B: { chain: DONE },
    },
  },
  {
    name: 'an offline device is retried once it is online',
    pcs: away,
    steps: [untilStatus('failed'), comesBack('A'), person('retry')],
    status: 'completed',
    targets: { A: { chain: ['pending', 'failed offline', ...DONE], attempt: 2 } },
  },
  {
    name: 'the device is removed while the deployment waits for it',
    pcs: away,
    deployment: wait,
    steps: [until('A', 'pending waiting_for_device'), removes('A')],
    status: 'completed',
    counts: { skipped: 1 },
    targets: { A: { chain: [...WAITS, 'skipped device_deleted'], message: /removed or blocked/ } },
  },
  {
    name: 'the device is blocked while the deployment waits for it',
    pcs: away,
    deployment: wait,
    steps: [until('A', 'pending waiting_for_device'), blocks('A')],
    status: 'completed',
    targets: { A: { chain: [...WAITS, 'skipped device_deleted'] } },
  },
  {
    name: 'the device is removed while it works',
    pcs: { A: { does: [hangs] } },
    steps: [until('A', 'downloading'), removes('A')],
    status: 'failed',
    targets: { A: { chain: [...TAKEN, 'failed lease_expired'] } },
  },
  {
    name: 'the device is removed while it works, although the deployment waits',
    pcs: { A: { does: [[downloads]] } },
    deployment: wait,
    steps: [until('A', 'downloading'), removes('A')],
    status: 'failed',
    targets: { A: { chain: [...TAKEN, 'failed lease_expired'] } },
  },
  {
    name: 'a failed target of a removed device is retried',
    pcs: { A: { does: [fails()] } },
    steps: [untilStatus('failed'), removes('A'), person('retry')],
    status: 'completed',
    targets: {
      A: { chain: [...INSTALLING, 'failed install_failed', 'pending', 'skipped device_deleted'] },
    },
  },
  {
    name: 'another technician may not touch it',
    pcs: away,
    deployment: wait,
    steps: [
      until('A', 'pending waiting_for_device'),
      check(async ({ stage, id }) => {
        for (const verb of ['cancel', 'pause', 'resume', 'retry'])
          expect(
            await stage.t.anonymous.raw('POST', `/deployments/${id}/${verb}`, {}),
          ).toMatchObject({ status: 401 })
      }),
      person('cancel'),
    ],
    status: 'canceled',
    targets: { A: { chain: [...WAITS, 'skipped canceled'] } },
  },
]
