/** The link breaks: agents reconnect with and without their memory, are given up, and report late. */
import { downloads, fails, installs, obeys } from '../scenario-agent.ts'
import type { Row } from '../scenario.ts'
import {
  comesBack,
  comesBackForgetful,
  person,
  progresses,
  reports,
  until,
  untilCommand,
  untilStatus,
  vanishes,
  waits,
} from '../scenario-steps.ts'
import { DONE, INSTALLING, TAKEN } from './timings.ts'

const LEASE = [...INSTALLING, 'failed lease_expired']

export const linkRows: Row[] = [
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
    name: 'it fails while the link is down, and reports it afterwards',
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
    name: 'the agent comes back without its memory while downloading',
    pcs: { A: { does: [[downloads]] } },
    steps: [until('A', 'downloading'), vanishes('A'), comesBackForgetful('A')],
    status: 'failed',
    targets: {
      A: { chain: [...TAKEN, 'failed interrupted'], message: /has no record of this attempt/ },
    },
  },
  {
    name: 'the agent comes back without its memory while installing',
    pcs: { A: { does: [[installs]] } },
    steps: [until('A', 'installing'), vanishes('A'), comesBackForgetful('A')],
    status: 'failed',
    targets: {
      A: {
        chain: [...INSTALLING, 'failed interrupted'],
        message: /so the result is unknown/,
      },
    },
  },
  {
    name: 'interrupted, then retried',
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
    targets: { A: { chain: [...TAKEN, 'failed lease_expired'], message: /has not responded for/ } },
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
      A: { chain: LEASE, message: /If it reports a result later, the result is recorded here/ },
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
    name: 'a late result counts once',
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
]
