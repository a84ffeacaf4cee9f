/** The link and the agent's answers: offline, refused, silent, lost and found again. */
import {
  answerLost,
  downloads,
  ends,
  fails,
  hangs,
  installs,
  obeys,
  refuses,
  silent,
  verifies,
} from '../../test-kit/scenario-agent.ts'
import type { Row } from '../../test-kit/scenario.ts'
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
  waits,
} from '../../test-kit/scenario-steps.ts'
import { DONE, INSTALLING, TAKEN } from './timings.ts'

const WHYS = ['malformed', 'bad_signature', 'wrong_device', 'replayed', 'unknown_attempt', 'unsupported'] as const // prettier-ignore
const LEASE = [...INSTALLING, 'failed lease_expired']

export const agentRows: Row[] = [
  {
    name: 'one device installs',
    status: 'completed',
    counts: { completed: 1, total: 1 },
    targets: { A: { chain: DONE, exit_code: 0, message: /^Installed\.$/, attempts: 1 } },
  },
  {
    name: 'three devices install',
    pcs: { A: {}, B: {}, C: {} },
    status: 'completed',
    counts: { completed: 3 },
    targets: { A: { chain: DONE }, B: { chain: DONE }, C: { chain: DONE } },
  },
  {
    name: 'a package is verified before it is installed',
    pcs: { A: { does: [[downloads, verifies, installs, ends()]] } },
    status: 'completed',
    targets: {
      A: { chain: ['pending', 'downloading', 'downloading verifying', 'installing', 'completed'] },
    },
  },
  {
    name: 'a result that comes without any progress',
    pcs: { A: { does: [[ends()]] } },
    status: 'completed',
    targets: { A: { chain: ['pending', 'downloading', 'completed'], exit_code: 0 } },
  },
  {
    name: 'the only device is offline',
    pcs: { A: { isAway: true } },
    status: 'failed',
    counts: { failed: 1 },
    targets: {
      A: { chain: ['pending', 'failed offline'], message: /-A is offline\.$/, attempts: 0 },
    },
  },
  {
    name: 'one is offline, the others are served',
    pcs: { A: {}, B: { isAway: true }, C: {} },
    status: 'partial',
    counts: { completed: 2, failed: 1 },
    targets: {
      A: { chain: DONE },
      B: { chain: ['pending', 'failed offline'] },
      C: { chain: DONE },
    },
  },
  {
    name: 'waits for an offline device and installs when it comes',
    pcs: { A: { isAway: true } },
    deployment: { offline_policy: 'wait' },
    steps: [until('A', 'pending waiting_for_device'), comesBack('A')],
    status: 'completed',
    targets: { A: { chain: ['pending', 'pending waiting_for_device', ...DONE], attempts: 1 } },
  },
  {
    name: 'waits for an offline device until it is cancelled',
    pcs: { A: { isAway: true } },
    deployment: { offline_policy: 'wait' },
    steps: [until('A', 'pending waiting_for_device'), person('cancel')],
    status: 'canceled',
    targets: {
      A: {
        chain: ['pending', 'pending waiting_for_device', 'skipped canceled'],
        message: /before it started/,
      },
    },
  },
  ...WHYS.map((why): Row => ({
    name: `the agent refuses the command: ${why}`,
    pcs: { A: { does: [refuses(why)] } },
    status: 'failed',
    targets: {
      A: {
        chain: ['pending', 'failed rejected_by_agent'],
        message: new RegExp(`It says ${why}`),
        attempts: 1,
      },
    },
  })),
  {
    name: 'a refused command is tried again by a person',
    pcs: { A: { does: [refuses('unsupported'), obeys] } },
    steps: [untilStatus('failed'), person('retry')],
    status: 'completed',
    targets: {
      A: { chain: ['pending', 'failed rejected_by_agent', ...DONE], attempt: 2, attempts: 2 },
    },
  },
  {
    name: 'a busy agent takes the command later',
    pcs: { A: { does: [refuses('busy'), obeys] } },
    status: 'completed',
    targets: { A: { chain: ['pending', 'pending retry_later', ...DONE], attempt: 1, attempts: 1 } },
  },
  {
    name: 'an agent stays busy',
    pcs: { A: { does: [refuses('busy')] } },
    status: 'failed',
    targets: {
      A: {
        chain: ['pending', 'pending retry_later', '…', 'failed lease_expired'],
        message: /did not take the command in time/,
        attempts: 1,
      },
    },
  },
  {
    name: 'no answer, then an answer',
    pcs: { A: { does: [silent, obeys] } },
    status: 'completed',
    targets: { A: { chain: ['pending', 'pending retry_later', ...DONE], attempt: 1, attempts: 1 } },
  },
  {
    name: 'never an answer',
    pcs: { A: { does: [silent] } },
    status: 'failed',
    targets: {
      A: {
        chain: ['pending', 'pending retry_later', '…', 'failed lease_expired'],
        message: /did not take the command in time/,
        attempts: 1,
      },
    },
  },
  {
    name: 'the answer gets lost, the work is done all the same',
    pcs: { A: { does: [[answerLost, installs, ends()]] } },
    status: 'completed',
    targets: { A: { chain: ['pending', 'installing', 'completed'], attempts: 1 } },
  },
  {
    name: 'the link breaks while downloading and comes back',
    pcs: { A: { does: [[downloads], obeys] } },
    steps: [
      until('A', 'downloading'),
      vanishes('A'),
      waits(200),
      comesBack('A'),
      progresses('A', 'installing'),
      reports('A'),
    ],
    status: 'completed',
    targets: { A: { chain: DONE, attempts: 1 } },
  },
  {
    name: 'the link breaks while installing and comes back',
    pcs: { A: { does: [[installs]] } },
    steps: [until('A', 'installing'), vanishes('A'), waits(200), comesBack('A'), reports('A')],
    status: 'completed',
    targets: { A: { chain: DONE, attempts: 1 } },
  },
  {
    name: 'it fails while the link is down, and says so afterwards',
    pcs: { A: { does: [[installs]] } },
    steps: [
      until('A', 'installing'),
      vanishes('A'),
      waits(200),
      comesBack('A'),
      reports('A', {
        status: 'failed',
        reason: 'install_failed',
        message: 'It broke.',
        exit_code: 3,
      }),
    ],
    status: 'failed',
    targets: { A: { chain: [...INSTALLING, 'failed install_failed'], exit_code: 3 } },
  },
  {
    name: 'the agent comes back without memory while downloading',
    pcs: { A: { does: [[downloads]] } },
    steps: [until('A', 'downloading'), vanishes('A'), comesBackForgetful('A')],
    status: 'failed',
    targets: {
      A: { chain: [...TAKEN, 'failed interrupted'], message: /no longer knows this attempt/ },
    },
  },
  {
    name: 'the agent comes back without memory while installing',
    pcs: { A: { does: [[installs]] } },
    steps: [until('A', 'installing'), vanishes('A'), comesBackForgetful('A')],
    status: 'failed',
    targets: {
      A: {
        chain: [...INSTALLING, 'failed interrupted'],
        message: /Whether the installer ended is not known/,
      },
    },
  },
  {
    name: 'interrupted, then tried again',
    pcs: { A: { does: [[installs], obeys] } },
    steps: [
      until('A', 'installing'),
      vanishes('A'),
      comesBackForgetful('A'),
      untilStatus('failed'),
      person('retry'),
    ],
    status: 'completed',
    targets: { A: { chain: [...INSTALLING, 'failed interrupted', ...DONE], attempt: 2 } },
  },
  {
    name: 'the lease ends while downloading',
    pcs: { A: { does: [[downloads]] } },
    steps: [until('A', 'downloading'), vanishes('A')],
    status: 'failed',
    targets: { A: { chain: [...TAKEN, 'failed lease_expired'], message: /No sign of life/ } },
  },
  {
    name: 'the lease ends while downloading, but the deployment waits',
    pcs: { A: { does: [[downloads], obeys] } },
    deployment: { offline_policy: 'wait' },
    steps: [
      until('A', 'downloading'),
      vanishes('A'),
      until('A', 'pending waiting_for_device'),
      comesBackForgetful('A'),
      untilCommand('A', 2),
    ],
    status: 'completed',
    targets: {
      A: {
        chain: [...TAKEN, 'pending waiting_for_device', '…', 'completed'],
        attempt: 1,
        attempts: 1,
      },
    },
  },
  {
    name: 'the lease ends while installing',
    pcs: { A: { does: [[installs]] } },
    steps: [until('A', 'installing'), vanishes('A')],
    status: 'failed',
    targets: {
      A: { chain: LEASE, message: /If its agent returns with a result, it is recorded here/ },
    },
  },
  {
    name: 'given up, but it had succeeded',
    pcs: { A: { does: [[installs]] } },
    steps: [
      until('A', 'installing'),
      vanishes('A'),
      untilStatus('failed'),
      comesBack('A'),
      reports('A'),
    ],
    status: 'completed',
    counts: { completed: 1, failed: 0 },
    targets: {
      A: { chain: [...LEASE, 'completed'], attempt: 1, exit_code: 0, message: /^Installed/ },
    },
  },
  {
    name: 'given up, but one of two had succeeded',
    pcs: { A: { does: [[installs]] }, B: { does: [fails()] } },
    steps: [
      until('A', 'installing'),
      vanishes('A'),
      untilStatus('failed'),
      comesBack('A'),
      reports('A'),
    ],
    status: 'partial',
    counts: { completed: 1, failed: 1 },
    targets: {
      A: { chain: [...LEASE, 'completed'] },
      B: { chain: [...INSTALLING, 'failed install_failed'] },
    },
  },
  {
    name: 'given up, and it had failed',
    pcs: { A: { does: [[installs]] } },
    steps: [
      until('A', 'installing'),
      vanishes('A'),
      untilStatus('failed'),
      comesBack('A'),
      reports('A', {
        status: 'failed',
        reason: 'install_failed',
        message: 'It broke.',
        exit_code: 7,
      }),
    ],
    status: 'failed',
    targets: {
      A: { chain: [...LEASE, 'failed install_failed'], exit_code: 7, message: /It broke/ },
    },
  },
  {
    name: 'given up, and nothing had been installed',
    pcs: { A: { does: [[installs]] } },
    steps: [
      until('A', 'installing'),
      vanishes('A'),
      untilStatus('failed'),
      comesBack('A'),
      reports('A', { status: 'skipped', reason: 'canceled', message: 'Stopped.' }),
    ],
    status: 'failed',
    targets: { A: { chain: LEASE, message: /Stopped/ } },
  },
  {
    name: 'a late truth is believed once',
    pcs: { A: { does: [[installs]] } },
    steps: [
      until('A', 'installing'),
      vanishes('A'),
      untilStatus('failed'),
      comesBack('A'),
      reports('A', {
        status: 'failed',
        reason: 'install_failed',
        message: 'It broke.',
        exit_code: 7,
      }),
      reports('A'),
    ],
    status: 'failed',
    targets: { A: { chain: [...LEASE, 'failed install_failed'], exit_code: 7 } },
  },
  {
    name: 'the result of an attempt that was followed by another is history',
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
    name: "one device reports on another one's attempt",
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
    name: 'a report on an attempt that never was',
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
    name: 'a malformed result is not taken',
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
    name: 'progress out of order does not turn back',
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
    name: 'progress after the end does not open it again',
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
    targets: { A: { chain: ['pending', '…', ...TAKEN, 'installing', 'completed'], attempts: 1 } },
  },
  {
    name: 'the agent takes the command and says nothing for ever',
    pcs: { A: { does: [hangs] } },
    status: 'failed',
    targets: {
      A: { chain: [...TAKEN, 'failed lease_expired'], message: /did not report a result in time/ },
    },
  },
]
