/** Whether the device is online, and how its agent answers the command. */
import { expect } from 'vitest'
import {
  answerLost,
  downloads,
  ends,
  installs,
  obeys,
  refuses,
  silent,
  verifies,
} from '../scenario-agent.ts'
import type { Row } from '../scenario.ts'
import { comesBack, person, until, untilStatus } from '../scenario-steps.ts'
import { DONE } from './timings.ts'

const WHYS = [
  'malformed',
  'bad_signature',
  'wrong_device',
  'unknown_attempt',
  'unsupported',
] as const

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
        message: new RegExp(`Refused: ${why}`),
        attempts: 1,
      },
    },
  })),
  {
    name: 'an older agent gets no rule that it cannot read',
    pcs: { A: { ruleTypes: ['dpkg'] }, B: { ruleTypes: null } },
    packages: [{ name: 'tool', detection: { type: 'file', path: '/opt/tool' } }],
    steps: [
      untilStatus('partial'),
      ({ pcs }) =>
        expect([pcs.A!, pcs.B!].map(({ brain }) => brain.commands.length)).toEqual([0, 1]),
    ],
    status: 'partial',
    targets: {
      A: {
        chain: ['pending', 'failed rejected_by_agent'],
        message:
          /-A is too old for the detection rule of this software \(file\)\. Update the agent/,
        attempts: 1,
      },
      B: { chain: DONE },
    },
  },
  {
    name: 'a person retries a refused command',
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
    name: 'a command that an agent takes for an old one is sent again with a new sequence',
    pcs: { A: { does: [refuses('replayed'), obeys] } },
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
        message: /did not accept the command in time/,
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
        message: /did not accept the command in time/,
        attempts: 1,
      },
    },
  },
  {
    name: 'the answer gets lost, the work is done anyway',
    pcs: { A: { does: [[answerLost, installs, ends()]] } },
    status: 'completed',
    targets: { A: { chain: ['pending', 'installing', 'completed'], attempts: 1 } },
  },
]
