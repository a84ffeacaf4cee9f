/** What agents report, valid and invalid. */
import {
  ends,
  hangs,
  installs,
  obeys,
  silent,
  verifies,
  waitsForOthers,
  waitsForRest,
} from '../scenario-agent.ts'
import type { Row } from '../scenario.ts'
import {
  check,
  comesBack,
  comesBackForgetful,
  person,
  progresses,
  remains,
  reports,
  until,
  untilCommand,
  untilStatus,
  vanishes,
} from '../scenario-steps.ts'
import { DONE, INSTALLING, TAKEN } from './timings.ts'

const LEASE = [...INSTALLING, 'failed lease_expired']

export const reportRows: Row[] = [
  {
    name: 'the result of an attempt that was followed by another only goes into the history',
    pcs: { A: { does: [[installs], [installs]] } },
    steps: [
      until('A', 'installing'),
      vanishes('A'),
      untilStatus('failed'),
      comesBack('A'),
      person('retry'),
      untilCommand('A', 2),
      until('A', 'installing'),
      reports('A', { status: 'failed', message: 'Late.', exit_code: 9 }, { command: 1 }),
      remains('A', 'installing'),
      reports('A', {}, { command: 2 }),
    ],
    status: 'completed',
    targets: { A: { chain: [...LEASE, ...DONE], attempt: 2, attempts: 2, exit_code: 0 } },
  },
  {
    name: 'a result that comes twice counts once',
    steps: [
      untilStatus('completed'),
      reports('A', { status: 'failed', message: 'again', exit_code: 1 }),
    ],
    status: 'completed',
    counts: { completed: 1, failed: 0 },
    targets: { A: { chain: DONE, exit_code: 0 } },
  },
  {
    name: "one device reports on another device's attempt",
    pcs: { A: { does: [[installs]] }, B: {} },
    steps: [
      until('A', 'installing'),
      reports('A', {}, { by: 'B' }),
      remains('A', 'installing'),
      reports('A', { status: 'failed', message: 'Mine.', exit_code: 2 }),
    ],
    status: 'partial',
    targets: {
      A: { chain: [...INSTALLING, 'failed install_failed'], message: /Mine/ },
      B: { chain: DONE },
    },
  },
  {
    name: 'a report on an attempt that never existed',
    pcs: { A: { does: [[installs]] } },
    steps: [
      until('A', 'installing'),
      reports('A', {}, { attemptId: 'f'.repeat(32) }),
      remains('A', 'installing'),
      reports('A'),
    ],
    status: 'completed',
    targets: { A: { chain: DONE } },
  },
  {
    name: 'a malformed result is refused',
    pcs: { A: { does: [[installs]] } },
    steps: [
      until('A', 'installing'),
      reports('A', { status: 'done' as never }, { committed: false }),
      reports('A', { exit_code: '0' as never }, { committed: false }),
      reports('A', { message: 'x'.repeat(2_001) }, { committed: false }),
      remains('A', 'installing', 100),
      reports('A', { status: 'failed', message: 'It broke.', exit_code: 4 }),
    ],
    status: 'failed',
    targets: { A: { chain: [...INSTALLING, 'failed install_failed'], exit_code: 4 } },
  },
  {
    name: 'garbage instead of a report',
    pcs: { A: { does: [[installs]] } },
    steps: [
      until('A', 'installing'),
      check(async ({ pcs }) => {
        for (const junk of [null, 7, 'x', [], { attempt_id: {} }])
          await pcs.A!.link!.socket.timeout(5_000).emitWithAck('deployment_result', junk as never)
      }),
      remains('A', 'installing', 100),
      reports('A'),
    ],
    status: 'completed',
    targets: { A: { chain: DONE } },
  },
  {
    name: 'a wait for another installation on the PC is shown, and over once the installer runs',
    pcs: { A: { does: [[verifies, waitsForOthers, installs, waitsForRest, ends()]] } },
    status: 'completed',
    targets: {
      A: {
        chain: [
          'pending',
          'downloading',
          'downloading verifying',
          'downloading device_busy',
          'installing',
          'installing verifying',
          'completed',
        ],
      },
    },
  },
  {
    name: 'progress out of order does not move the state back',
    pcs: { A: { does: [[installs]] } },
    steps: [
      until('A', 'installing'),
      progresses('A', 'downloading'),
      progresses('A', 'verifying'),
      remains('A', 'installing', 100),
      reports('A'),
    ],
    status: 'completed',
    targets: { A: { chain: DONE } },
  },
  {
    name: 'progress after the end does not reopen the target',
    steps: [
      untilStatus('completed'),
      progresses('A', 'installing'),
      remains('A', 'completed', 100),
    ],
    status: 'completed',
    targets: { A: { chain: DONE } },
  },
  {
    name: 'the link breaks before the command is answered',
    pcs: { A: { does: [silent, obeys] } },
    steps: [untilCommand('A'), vanishes('A'), comesBackForgetful('A')],
    status: 'completed',
    targets: {
      A: { chain: ['pending', '…', 'downloading', 'installing', 'completed'], attempts: 1 },
    },
  },
  {
    name: 'the agent accepts the command and never reports',
    pcs: { A: { does: [hangs] } },
    status: 'failed',
    targets: {
      A: { chain: [...TAKEN, 'failed lease_expired'], message: /did not report a result in time/ },
    },
  },
]
