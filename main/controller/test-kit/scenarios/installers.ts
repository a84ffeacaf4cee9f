/** How installers end, as agents report it. */
import type { FailureReason } from '#shared/domain/reasons.ts'
import { expect } from 'vitest'
import { downloads, ends, fails, installs, obeys, prints } from '../scenario-agent.ts'
import type { Row } from '../scenario.ts'
import { check, person, untilStatus } from '../scenario-steps.ts'
import { DONE, INSTALLING, TAKEN } from './timings.ts'

const again1618 = {
  status: 'failed',
  reason: 'retry_later',
  exit_code: 1618,
  message: '1618: another installation is running',
} as const
const HOSTILE = "<img src=x onerror=alert(1)>\u0000\u001b[2J\u202e=cmd|' /C calc'!A1"

/** Failures before the installer ran, and after. */
const BEFORE: [FailureReason, RegExp][] = [
  ['download_failed', /was interrupted/],
  ['integrity', /SHA-256/],
  ['disk_space', /free disk space/],
  ['permission', /more rights/],
  ['internal', /agent/],
]
const AFTER: [FailureReason, number | undefined, RegExp][] = [
  ['install_failed', 1603, /1603/],
  ['install_failed', -1, /-1/],
  ['permission', 5, /5/],
  ['not_detected', 0, /detection rule/],
  ['timeout', undefined, /timeout/],
  ['interrupted', undefined, /interrupted/],
]
const WORDS = {
  download_failed: 'The download was interrupted.',
  integrity: 'The SHA-256 is another.',
  disk_space: 'Not enough free disk space.',
  permission: 'This needs more rights.',
  internal: 'The agent could not do its work.',
} as Record<FailureReason, string>

export const installerRows: Row[] = [
  ...BEFORE.map(([reason, message]): Row => ({
    name: `before the installer: ${reason}`,
    pcs: {
      A: {
        does: [
          [
            downloads,
            ends({
              status: 'failed',
              reason,
              message: WORDS[reason],
              exit_code: undefined as never,
            }),
          ],
        ],
      },
    },
    status: 'failed',
    targets: { A: { chain: [...TAKEN, `failed ${reason}`], message } },
  })),
  ...AFTER.map(([reason, exit_code, message]): Row => ({
    name: `the installer ran: ${reason} ${exit_code ?? ''}`,
    pcs: {
      A: {
        does: [
          [
            installs,
            prints('Setting up…\n'),
            ends({
              status: 'failed',
              reason,
              message: `${message.source} happened`,
              error_details: 'last lines',
              ...(exit_code === undefined ? { exit_code: undefined as never } : { exit_code }),
            }),
          ],
        ],
      },
    },
    status: 'failed',
    targets: {
      A: {
        chain: [...INSTALLING, `failed ${reason}`],
        message,
        details: /last lines/,
        ...(exit_code !== undefined && { exit_code }),
      },
    },
  })),
  {
    name: 'a failure without a reason',
    pcs: {
      A: { does: [[installs, ends({ status: 'failed', message: 'It broke.', exit_code: 1 })]] },
    },
    status: 'failed',
    targets: { A: { chain: [...INSTALLING, 'failed install_failed'] } },
  },
  {
    name: 'a failure with an unknown reason',
    pcs: {
      A: { does: [[installs, ends({ status: 'failed', reason: 'paused', message: 'It broke.' })]] },
    },
    status: 'failed',
    targets: { A: { chain: [...INSTALLING, 'failed install_failed'] } },
  },
  {
    name: 'installed already',
    pcs: {
      A: {
        does: [[ends({ status: 'skipped', reason: 'already_installed', message: 'It is there.' })]],
      },
    },
    status: 'completed',
    counts: { skipped: 1 },
    targets: { A: { chain: [...TAKEN, 'skipped already_installed'] } },
  },
  {
    name: 'skipped without a reason',
    pcs: { A: { does: [[ends({ status: 'skipped', message: 'It is there.' })]] } },
    status: 'completed',
    targets: { A: { chain: [...TAKEN, 'skipped already_installed'] } },
  },
  {
    name: 'installed, a restart is needed (3010)',
    pcs: {
      A: {
        does: [
          [
            installs,
            ends({ reason: 'reboot_pending', exit_code: 3010, message: 'A restart completes it.' }),
          ],
        ],
      },
    },
    status: 'completed',
    targets: { A: { chain: [...INSTALLING, 'completed reboot_pending'], exit_code: 3010 } },
  },
  {
    name: 'another installation runs (1618), then it works',
    pcs: { A: { does: [[installs, ends(again1618)], obeys] } },
    status: 'completed',
    counts: { completed: 1, failed: 0 },
    targets: {
      A: {
        chain: [...INSTALLING, 'pending retry_later', ...DONE],
        attempt: 2,
        attempts: 2,
        exit_code: 0,
      },
    },
  },
  {
    name: 'another installation runs (1618) forever',
    pcs: { A: { does: [[installs, ends(again1618)]] } },
    status: 'failed',
    targets: {
      A: {
        chain: [...INSTALLING, 'pending retry_later', '…', 'failed install_failed'],
        exit_code: 1618,
        message: /1618/,
      },
    },
  },
  {
    name: 'another installation runs (1618), and a person cancels the wait',
    pcs: { A: { does: [[installs, ends(again1618)]] } },
    steps: [
      check(async ({ stage, target }) => {
        await expect
          .poll(() => stage.observer.chain(target('A')), { interval: 5, timeout: 60_000 })
          .toContain('pending retry_later')
      }),
      person('cancel'),
    ],
    status: 'canceled',
    targets: { A: { chain: [...INSTALLING, 'pending retry_later', '…', 'skipped canceled'] } },
  },
  {
    name: 'the installer outlives its timeout and no result comes',
    pcs: { A: { does: [[installs]] } },
    deployment: { timeout_seconds: 1 },
    status: 'failed',
    targets: {
      A: {
        chain: [...INSTALLING, 'failed lease_expired'],
        message: /did not report a result in time/,
      },
    },
  },
  {
    name: 'the download takes longer than allowed',
    pcs: { A: { does: [[downloads]] } },
    status: 'failed',
    targets: { A: { chain: [...TAKEN, 'failed lease_expired'] } },
  },
  {
    name: 'one fails of three',
    pcs: { A: {}, B: { does: [fails()] }, C: {} },
    status: 'partial',
    counts: { completed: 2, failed: 1 },
    targets: { B: { chain: [...INSTALLING, 'failed install_failed'], exit_code: 1, attempt: 1 } },
  },
  {
    name: 'a failure, and the second attempt works',
    pcs: { A: { does: [fails({ error_details: 'boom' }), obeys] } },
    steps: [untilStatus('failed'), person('retry')],
    status: 'completed',
    targets: { A: { chain: [...INSTALLING, 'failed install_failed', ...DONE], attempt: 2 } },
  },
  {
    name: 'a failure, and the second attempt fails too',
    pcs: { A: { does: [fails(), fails({ exit_code: 2, message: 'Again.' })] } },
    steps: [
      untilStatus('failed'),
      person('retry'),
      check(async ({ pcs }) => {
        await expect.poll(() => pcs.A!.brain.commands.length).toBe(2)
      }),
    ],
    status: 'failed',
    targets: {
      A: {
        chain: [...INSTALLING, 'failed install_failed', ...INSTALLING, 'failed install_failed'],
        exit_code: 2,
        message: /Again/,
        attempt: 2,
      },
    },
  },
  {
    name: 'hostile output and a hostile message stay text',
    pcs: {
      A: {
        does: [
          [
            installs,
            prints(HOSTILE),
            prints('y'.repeat(64 * 1024)),
            ends({
              status: 'failed',
              reason: 'install_failed',
              message: HOSTILE,
              error_details: HOSTILE,
              exit_code: 1,
            }),
          ],
        ],
      },
    },
    steps: [
      untilStatus('failed'),
      check(async ({ stage, id, target }) => {
        const output = await stage.rest.call('deployments.output', {
          params: { id, target_id: target('A') },
        })
        expect(output.text).toBe(HOSTILE + 'y'.repeat(64 * 1024))
        const csv = await stage.rest.call('deployments.report', { params: { id } })
        expect(csv).not.toMatch(/[\0\u001b]/)
      }),
    ],
    status: 'failed',
    targets: { A: { chain: [...INSTALLING, 'failed install_failed'], message: /<img/ } },
  },
  {
    name: 'a message that a spreadsheet would run',
    pcs: { A: { does: [[installs, ends({ status: 'failed', message: '=1+1', exit_code: 1 })]] } },
    steps: [
      untilStatus('failed'),
      check(async ({ stage, id }) => {
        expect(await stage.rest.call('deployments.report', { params: { id } })).toMatch(/,'=1\+1,/)
      }),
    ],
    status: 'failed',
    targets: { A: { chain: [...INSTALLING, 'failed install_failed'] } },
  },
  {
    name: 'more output than is kept',
    pcs: {
      A: {
        does: [
          [
            installs,
            ...Array.from({ length: 20 }, () => prints('z'.repeat(64 * 1024))),
            ends({ status: 'failed', message: 'It broke.', exit_code: 1 }),
          ],
        ],
      },
    },
    steps: [
      untilStatus('failed'),
      check(async ({ stage, id, target }) => {
        const { text, omitted_bytes } = await stage.rest.call('deployments.output', {
          params: { id, target_id: target('A') },
        })
        expect(omitted_bytes).toBe(4 * 64 * 1024)
        expect(text).toContain('bytes left out')
      }),
    ],
    status: 'failed',
    targets: { A: { chain: [...INSTALLING, 'failed install_failed'] } },
  },
]
