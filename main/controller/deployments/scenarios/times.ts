/** What only time changes: schedules, windows, waiting for devices; and a clock that jumps. */
import { expect } from 'vitest'
import { downloads, installs, obeys } from '../../test-kit/scenario-agent.ts'
import type { Row, Step } from '../../test-kit/scenario.ts'
import {
  check,
  comesBack,
  person,
  remains,
  reports,
  until,
  untilStatus,
  vanishes,
  waits,
} from '../../test-kit/scenario-steps.ts'
import { DONE, INSTALLING, TAKEN } from './timings.ts'

let skewMs = 0
/**
 * Starts a controller whose clock is the real one plus what the rows have made it jump. It takes its clock once, when it
 * starts; the agents, which would be on other PCs, keep the right time.
 */
export async function withOwnClock<T>(start: () => Promise<T>): Promise<T> {
  const realNow = Date.now
  Date.now = () => realNow() + skewMs
  try {
    return await start()
  } finally {
    Date.now = realNow
  }
}
const jumps =
  (minutes: number): Step =>
  () =>
    void (skewMs += minutes * 60_000)
const nowMs = () => Date.now() + skewMs
const inMinutes = (minutes: number) => new Date(nowMs() + minutes * 60_000).toISOString()
const clock = (minutesFromNow: number): string => {
  const at = new Date(nowMs() + minutesFromNow * 60_000)
  return `${String(at.getHours()).padStart(2, '0')}:${String(at.getMinutes()).padStart(2, '0')}`
}
const windowIn = (from: number, to: number) => ({ start: clock(from), end: clock(to) })
const HELD = ['pending', 'pending waiting_for_window']
const WAITS = ['pending', 'pending waiting_for_device']
const away = { A: { isAway: true } }

/** Each made when it is played: its times are counted from then. */
export const timeRows: [string, () => Omit<Row, 'name'>][] = [
  [
    'the device does not come within the time that is waited',
    () => ({
      pcs: away,
      deployment: { offline_policy: 'wait', wait_minutes: 60 },
      steps: [
        until('A', 'pending waiting_for_device'),
        jumps(30),
        remains('A', 'pending waiting_for_device'),
        jumps(31),
      ],
      status: 'failed',
      targets: {
        A: {
          chain: [...WAITS, 'failed offline'],
          message: /did not come online within 60 minutes/,
        },
      },
    }),
  ],
  [
    'the device comes at the last moment',
    () => ({
      pcs: away,
      deployment: { offline_policy: 'wait', wait_minutes: 60 },
      steps: [until('A', 'pending waiting_for_device'), jumps(58), comesBack('A')],
      status: 'completed',
      targets: { A: { chain: [...WAITS, ...DONE] } },
    }),
  ],
  [
    'a scheduled deployment does not start before its time',
    () => ({
      deployment: { scheduled_at: inMinutes(120) },
      steps: [
        until('A', 'pending waiting_for_window'),
        jumps(60),
        remains('A', 'pending waiting_for_window'),
        jumps(61),
      ],
      status: 'completed',
      targets: { A: { chain: [...HELD, ...DONE] } },
    }),
  ],
  [
    'a schedule in the past is refused',
    () => ({
      deployment: { scheduled_at: inMinutes(-60) },
      refused: { status: 400, code: 'E_VALIDATION' },
    }),
  ],
  [
    'a scheduled deployment waits for an offline device from its start on',
    () => ({
      pcs: away,
      deployment: { scheduled_at: inMinutes(120), offline_policy: 'wait', wait_minutes: 60 },
      steps: [
        until('A', 'pending waiting_for_window'),
        jumps(121),
        until('A', 'pending waiting_for_device'),
        comesBack('A'),
      ],
      status: 'completed',
      targets: { A: { chain: [...HELD, 'pending waiting_for_device', ...DONE] } },
    }),
  ],
  [
    'a scheduled deployment fails an offline device only at its start',
    () => ({
      pcs: away,
      deployment: { scheduled_at: inMinutes(120) },
      steps: [
        until('A', 'pending waiting_for_window'),
        remains('A', 'pending waiting_for_window'),
        jumps(121),
      ],
      status: 'failed',
      targets: { A: { chain: [...HELD, 'failed offline'] } },
    }),
  ],
  [
    'a scheduled deployment is cancelled before its start',
    () => ({
      deployment: { scheduled_at: inMinutes(120) },
      steps: [until('A', 'pending waiting_for_window'), person('cancel')],
      status: 'canceled',
      targets: { A: { chain: [...HELD, 'skipped canceled'] } },
    }),
  ],
  [
    'the window is closed; the deployment is cancelled',
    () => ({
      deployment: { maintenance_window: windowIn(120, 180) },
      steps: [until('A', 'pending waiting_for_window'), person('cancel')],
      status: 'canceled',
      targets: { A: { chain: [...HELD, 'skipped canceled'] } },
    }),
  ],
  [
    'the window opens',
    () => ({
      deployment: { maintenance_window: windowIn(120, 180) },
      steps: [until('A', 'pending waiting_for_window'), jumps(125)],
      status: 'completed',
      targets: { A: { chain: [...HELD, ...DONE] } },
    }),
  ],
  [
    'the window closes: what runs goes on, nothing new starts',
    () => ({
      pcs: { A: { does: [[installs]] }, B: {} },
      deployment: { strategy: { max_concurrent: 1 }, maintenance_window: windowIn(-10, 30) },
      steps: [
        until('A', 'installing'),
        jumps(40),
        until('B', 'pending waiting_for_window'),
        reports('A'),
        until('A', 'completed'),
        remains('B', 'pending waiting_for_window'),
        person('cancel'),
      ],
      status: 'canceled',
      counts: { completed: 1, skipped: 1 },
      targets: {
        A: { chain: DONE },
        B: {
          chain: [
            'pending',
            'pending waiting_for_wave',
            'pending waiting_for_window',
            'skipped canceled',
          ],
        },
      },
    }),
  ],
  [
    'the window closes and opens again the next day',
    () => ({
      pcs: { A: { does: [[installs]] }, B: {} },
      deployment: {
        strategy: { max_concurrent: 1 },
        maintenance_window: windowIn(-10, 30),
        timeout_seconds: 86_400,
      },
      steps: [
        until('A', 'installing'),
        jumps(40),
        reports('A'),
        until('B', 'pending waiting_for_window'),
        jumps(24 * 60 - 30),
      ],
      status: 'completed',
      targets: { B: { chain: ['pending', '…', 'pending waiting_for_window', ...DONE] } },
    }),
  ],
  [
    'the clock goes back by ten minutes while it installs',
    () => ({
      pcs: { A: { does: [[installs]] } },
      steps: [until('A', 'installing'), jumps(-10), remains('A', 'installing'), reports('A')],
      status: 'completed',
      targets: { A: { chain: DONE } },
    }),
  ],
  [
    'the clock goes forward by a day while it downloads',
    () => ({
      pcs: { A: { does: [[downloads]] } },
      steps: [until('A', 'downloading'), jumps(24 * 60 + 1)],
      status: 'failed',
      targets: { A: { chain: [...TAKEN, 'failed lease_expired'], message: /in time/ } },
    }),
  ],
  [
    'the clock goes forward by a day while it installs: given up, and the late truth counts',
    () => ({
      pcs: { A: { does: [[installs]] } },
      steps: [until('A', 'installing'), jumps(24 * 60), untilStatus('failed'), reports('A')],
      status: 'completed',
      targets: { A: { chain: [...INSTALLING, 'failed lease_expired', 'completed'] } },
    }),
  ],
  [
    'the clock goes forward while the device is away: the lease has ended',
    () => ({
      pcs: { A: { does: [[installs], obeys] } },
      steps: [until('A', 'installing'), vanishes('A'), waits(300), jumps(5)],
      status: 'failed',
      targets: { A: { chain: [...INSTALLING, 'failed lease_expired'] } },
    }),
  ],
  [
    'the clock goes back between two waves: the rest is not cut short',
    () => ({
      pcs: { A: {}, B: {} },
      deployment: { strategy_type: 'rolling', strategy: { batch_size: 1, pause_seconds: 600 } },
      steps: [
        until('A', 'completed'),
        check(async ({ stage, id }) => {
          await expect
            .poll(() =>
              stage.observer.count(
                'select wave_ended_at_ms is not null from deployments where id = ?',
                id,
              ),
            )
            .toBe(1)
        }),
        jumps(-5),
        remains('B', 'pending waiting_for_wave'),
        jumps(11),
        remains('B', 'pending waiting_for_wave'),
        jumps(5),
      ],
      status: 'completed',
      targets: { B: { chain: ['pending', 'pending waiting_for_wave', ...DONE] } },
    }),
  ],
  [
    'a person looks at it after days',
    () => ({
      pcs: away,
      deployment: { offline_policy: 'wait', wait_minutes: 60 * 24 * 14 },
      steps: [
        until('A', 'pending waiting_for_device'),
        jumps(60 * 24 * 2),
        remains('A', 'pending waiting_for_device'),
        check(async ({ stage, id }) => {
          expect((await stage.rest.call('deployments.get', { params: { id } })).status).toBe(
            'in_progress',
          )
        }),
        comesBack('A'),
      ],
      status: 'completed',
      targets: { A: { chain: [...WAITS, ...DONE] } },
    }),
  ],
]
