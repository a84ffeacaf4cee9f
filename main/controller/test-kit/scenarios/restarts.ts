/** The controller restarts in every state; and the emergency stop. */
import { expect } from 'vitest'
import { downloads, ends, fails, hangs, installs, obeys, silent } from '../scenario-agent.ts'
import type { Row } from '../scenario.ts'
import {
  check,
  comesBack,
  comesBackForgetful,
  controllerRestarts,
  deploysAgain,
  otherEnds,
  person,
  remains,
  reports,
  seen,
  stopsAll,
  until,
  untilCommand,
  untilStatus,
  vanishes,
} from '../scenario-steps.ts'
import { DONE, INSTALLING, TAKEN } from './timings.ts'

const wait = { offline_policy: 'wait' } as const
const WAITS = ['pending', 'pending waiting_for_device']
/** While the controller is down no device has a link; agents reconnect when it is back. */
const restarts = [vanishes('A'), controllerRestarts]

export const restartRows: Row[] = [
  {
    name: 'restart while it waits for a device',
    pcs: { A: { isAway: true } },
    deployment: wait,
    steps: [until('A', 'pending waiting_for_device'), controllerRestarts, comesBack('A')],
    status: 'completed',
    targets: { A: { chain: [...WAITS, ...DONE], attempts: 1 } },
  },
  {
    name: 'restart while a command is unanswered',
    pcs: { A: { does: [silent, obeys] } },
    deployment: wait,
    steps: [untilCommand('A'), ...restarts, comesBackForgetful('A')],
    status: 'completed',
    targets: {
      A: { chain: ['pending', '…', 'downloading', 'installing', 'completed'], attempts: 1 },
    },
  },
  {
    name: 'restart while it downloads',
    pcs: { A: { does: [[downloads]] } },
    steps: [until('A', 'downloading'), ...restarts, comesBack('A'), reports('A')],
    status: 'completed',
    targets: { A: { chain: [...TAKEN, 'completed'], attempts: 1 } },
  },
  {
    name: 'restart while it installs; it ended meanwhile',
    pcs: { A: { does: [[installs]] } },
    steps: [until('A', 'installing'), ...restarts, comesBack('A'), reports('A')],
    status: 'completed',
    targets: { A: { chain: DONE, attempts: 1 } },
  },
  {
    name: 'restart while it installs; it failed meanwhile',
    pcs: { A: { does: [[installs]] } },
    steps: [
      until('A', 'installing'),
      ...restarts,
      comesBack('A'),
      reports('A', { status: 'failed', message: 'It broke.', exit_code: 6 }),
    ],
    status: 'failed',
    targets: { A: { chain: [...INSTALLING, 'failed install_failed'], exit_code: 6 } },
  },
  {
    name: 'restart while it installs; the agent has lost the attempt',
    pcs: { A: { does: [[installs]] } },
    steps: [until('A', 'installing'), ...restarts, comesBackForgetful('A')],
    status: 'failed',
    targets: { A: { chain: [...INSTALLING, 'failed interrupted'] } },
  },
  {
    name: 'restart while it installs; the agent never returns',
    pcs: { A: { does: [[installs]] } },
    steps: [until('A', 'installing'), ...restarts],
    status: 'failed',
    targets: { A: { chain: [...INSTALLING, 'failed lease_expired'] } },
  },
  {
    name: 'restart after the end changes nothing',
    pcs: { A: { does: [fails()] } },
    steps: [untilStatus('failed'), ...restarts, remains('A', 'failed install_failed')],
    status: 'failed',
    targets: { A: { chain: [...INSTALLING, 'failed install_failed'], attempt: 1 } },
  },
  {
    name: 'restart after it was given up; the late result still counts',
    pcs: { A: { does: [[installs]] } },
    steps: [
      until('A', 'installing'),
      vanishes('A'),
      untilStatus('failed'),
      controllerRestarts,
      comesBack('A'),
      reports('A'),
    ],
    status: 'completed',
    targets: { A: { chain: [...INSTALLING, 'failed lease_expired', 'completed'] } },
  },
  {
    name: 'restart while paused: it stays paused',
    pcs: { A: { does: [[installs]] }, B: { isAway: true } },
    deployment: { strategy: { max_concurrent: 1 }, ...wait },
    steps: [
      until('A', 'installing'),
      person('pause'),
      until('B', 'pending paused'),
      ...restarts,
      comesBack('A'),
      comesBack('B'),
      reports('A'),
      remains('B', 'pending paused'),
      person('resume'),
    ],
    status: 'completed',
    targets: { A: { chain: DONE }, B: { chain: ['pending', '…', 'pending paused', ...DONE] } },
  },
  {
    name: 'restart while it is being cancelled',
    pcs: { A: { does: [[installs]] } },
    steps: [
      until('A', 'installing'),
      person('cancel'),
      ...restarts,
      comesBack('A'),
      remains('A', 'installing', 200),
      reports('A'),
    ],
    status: 'canceled',
    targets: { A: { chain: DONE } },
  },
  {
    name: 'restart while it is being cancelled; the download is stopped afterwards',
    pcs: { A: { does: [[downloads]] } },
    steps: [
      until('A', 'downloading'),
      vanishes('A'),
      person('cancel'),
      controllerRestarts,
      comesBack('A'),
    ],
    status: 'canceled',
    targets: { A: { chain: [...TAKEN, 'skipped canceled'] } },
  },
  {
    name: 'restart while a second attempt is due (1618)',
    pcs: {
      A: {
        does: [
          [
            installs,
            ends({
              status: 'failed',
              reason: 'retry_later',
              exit_code: 1618,
              message: 'Another one runs.',
            }),
          ],
          obeys,
        ],
      },
    },
    deployment: wait,
    steps: [
      check(async ({ stage, target }) => {
        await expect
          .poll(() => stage.observer.chain(target('A')), { interval: 5, timeout: 60_000 })
          .toContain('pending retry_later')
      }),
      ...restarts,
      comesBackForgetful('A'),
    ],
    status: 'completed',
    targets: { A: { chain: [...INSTALLING, 'pending retry_later', '…', 'completed'] } },
  },
  {
    name: 'restart between two waves',
    pcs: { A: {}, B: {} },
    deployment: {
      strategy_type: 'rolling',
      strategy: { batch_size: 1, pause_seconds: 1 },
      ...wait,
    },
    steps: [until('A', 'completed'), controllerRestarts, vanishes('B'), comesBack('B')],
    status: 'completed',
    targets: { B: { chain: ['pending', 'pending waiting_for_wave', '…', 'completed'] } },
  },
  {
    name: 'restart while a second package waits',
    packages: [{ name: 'first' }, { name: 'second' }],
    pcs: { A: { does: [[installs], obeys] } },
    deployment: wait,
    steps: [until('A/1', 'installing'), ...restarts, comesBack('A'), reports('A')],
    status: 'completed',
    targets: { 'A/2': { chain: ['pending', 'pending device_busy', '…', 'completed'] } },
  },
  {
    name: 'emergency stop: everything that runs is cancelled',
    pcs: { A: { does: [hangs] }, B: { isAway: true } },
    deployment: wait,
    steps: [until('A', 'downloading'), deploysAgain(), stopsAll, otherEnds('canceled')],
    status: 'canceled',
    counts: { skipped: 2 },
    targets: {
      A: { chain: [...TAKEN, 'skipped canceled'] },
      B: { chain: [...WAITS, 'skipped canceled'] },
    },
  },
  {
    name: 'emergency stop while it installs: the installer finishes, nothing else starts',
    pcs: { A: { does: [[installs]] }, B: {} },
    deployment: { strategy: { max_concurrent: 1 } },
    steps: [
      until('A', 'installing'),
      stopsAll,
      until('B', 'skipped canceled'),
      seen('A', ...INSTALLING),
      reports('A'),
    ],
    status: 'canceled',
    targets: { A: { chain: DONE } },
  },
]
