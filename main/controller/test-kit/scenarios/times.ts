/** What only time changes: schedules, windows, the wait for devices; and a clock that jumps. */
import { expect } from 'vitest'
import { downloads, installs, obeys } from '../scenario-agent.ts'
import { createTestClock } from '../test-clock.ts'
import type { Row, Step } from '../scenario.ts'
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
} from '../scenario-steps.ts'
import { DONE, INSTALLING, TAKEN } from './timings.ts'

/** The controller's clock; the agents, which would be on other PCs, keep the right time. */
export const controllerClock = createTestClock()
const passes =
  (minutes: number): Step =>
  () =>
    controllerClock.passes(minutes * 60_000)
const passesSlowly =
  (minutes: number): Step =>
  () =>
    controllerClock.passesSlowly(minutes * 60_000)
const jumps =
  (minutes: number): Step =>
  () =>
    controllerClock.jumps(minutes * 60_000)
/** The controller's process is suspended meanwhile. */
const stops =
  (minutes: number): Step =>
  () =>
    controllerClock.stops(minutes * 60_000)
const DAY = 24 * 60
const nowMs = controllerClock.wallMs
const inMinutes = (minutes: number) => new Date(nowMs() + minutes * 60_000).toISOString()
const clock = (minutesFromNow: number): string => {
  const at = new Date(nowMs() + minutesFromNow * 60_000)
  return `${String(at.getHours()).padStart(2, '0')}:${String(at.getMinutes()).padStart(2, '0')}`
}
const windowIn = (from: number, to: number) => ({ start: clock(from), end: clock(to) })
const HELD = ['pending', 'pending waiting_for_window']
const WAITS = ['pending', 'pending waiting_for_device']
const away = { A: { isAway: true } }

/** Each row is built when it is played, because its times count from then. */
export const timeRows: [string, () => Omit<Row, 'name'>][] = [
  [
    'the device does not connect within the wait',
    () => ({
      pcs: away,
      deployment: { offline_policy: 'wait', wait_minutes: 60 },
      steps: [
        until('A', 'pending waiting_for_device'),
        passes(30),
        remains('A', 'pending waiting_for_device'),
        passes(31),
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
    'the device connects at the last moment',
    () => ({
      pcs: away,
      deployment: { offline_policy: 'wait', wait_minutes: 60 },
      steps: [until('A', 'pending waiting_for_device'), passes(58), comesBack('A')],
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
        passes(60),
        remains('A', 'pending waiting_for_window'),
        passes(61),
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
    'a scheduled deployment waits for an offline device, counted from its start',
    () => ({
      pcs: away,
      deployment: { scheduled_at: inMinutes(120), offline_policy: 'wait', wait_minutes: 60 },
      steps: [
        until('A', 'pending waiting_for_window'),
        passes(121),
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
        passes(121),
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
      steps: [until('A', 'pending waiting_for_window'), passes(125)],
      status: 'completed',
      targets: { A: { chain: [...HELD, ...DONE] } },
    }),
  ],
  [
    'the window closes: running targets continue, nothing new starts',
    () => ({
      pcs: { A: { does: [[installs]] }, B: {} },
      deployment: { strategy: { max_concurrent: 1 }, maintenance_window: windowIn(-10, 30) },
      steps: [
        until('A', 'installing'),
        passes(40),
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
        passes(40),
        reports('A'),
        until('B', 'pending waiting_for_window'),
        // It opens in the last of these steps.
        passesSlowly(24 * 60 - 49),
      ],
      status: 'completed',
      targets: { B: { chain: ['pending', '…', 'pending waiting_for_window', ...DONE] } },
    }),
  ],
  ...(
    [
      ['back by ten minutes', -10],
      ['back by a day', -DAY],
      ['forward by a day', DAY],
      ['back by ten years', -3_650 * DAY],
      ['forward by ten years', 3_650 * DAY],
    ] as const
  ).flatMap(([how, minutes]): [string, () => Omit<Row, 'name'>][] => [
    [
      `the clock goes ${how} while it downloads`,
      () => ({
        pcs: { A: { does: [[downloads]] } },
        steps: [
          until('A', 'downloading'),
          jumps(minutes),
          remains('A', 'downloading'),
          passes(1),
          remains('A', 'downloading'),
          reports('A'),
        ],
        status: 'completed',
        targets: { A: { chain: [...TAKEN, 'completed'] } },
      }),
    ],
    [
      `the clock goes ${how} while it installs, and back to where it was`,
      () => ({
        pcs: { A: { does: [[installs]] } },
        steps: [
          until('A', 'installing'),
          jumps(minutes),
          remains('A', 'installing'),
          jumps(-minutes),
          remains('A', 'installing'),
          reports('A'),
        ],
        status: 'completed',
        targets: { A: { chain: DONE } },
      }),
    ],
    [
      `the clock goes ${how} while a device is awaited: the wait is as long as it was`,
      () => ({
        pcs: away,
        deployment: { offline_policy: 'wait', wait_minutes: 60 },
        steps: [
          until('A', 'pending waiting_for_device'),
          passes(30),
          jumps(minutes),
          remains('A', 'pending waiting_for_device'),
          passes(28),
          remains('A', 'pending waiting_for_device'),
          passes(3),
        ],
        status: 'failed',
        targets: { A: { chain: [...WAITS, 'failed offline'] } },
      }),
    ],
    [
      `the clock goes ${how} while the device is away: its lease ends when it would have`,
      () => ({
        pcs: { A: { does: [[installs], obeys] } },
        steps: [
          until('A', 'installing'),
          vanishes('A'),
          waits(300),
          jumps(minutes),
          remains('A', 'installing'),
          passes(3),
        ],
        status: 'failed',
        targets: { A: { chain: [...INSTALLING, 'failed lease_expired'] } },
      }),
    ],
  ]),
  [
    'an installer that takes longer than allowed is given up, and its late result counts',
    () => ({
      pcs: { A: { does: [[installs]] } },
      steps: [until('A', 'installing'), passes(70), untilStatus('failed'), reports('A')],
      status: 'completed',
      targets: { A: { chain: [...INSTALLING, 'failed lease_expired', 'completed'] } },
    }),
  ],
  [
    'the controller is suspended for hours while it installs',
    () => ({
      pcs: { A: { does: [[installs]] } },
      steps: [until('A', 'installing'), stops(600), remains('A', 'installing'), reports('A')],
      status: 'completed',
      targets: { A: { chain: DONE } },
    }),
  ],
  [
    'the clock jumps between two waves: the rest keeps its length',
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
        passes(5),
        jumps(DAY),
        remains('B', 'pending waiting_for_wave'),
        jumps(-2 * DAY),
        passes(4),
        remains('B', 'pending waiting_for_wave'),
        passes(2),
      ],
      status: 'completed',
      targets: { B: { chain: ['pending', 'pending waiting_for_wave', ...DONE] } },
    }),
  ],
  [
    'a person looks at it days later',
    () => ({
      pcs: away,
      deployment: { offline_policy: 'wait', wait_minutes: 60 * 24 * 14 },
      steps: [
        until('A', 'pending waiting_for_device'),
        passes(60 * 24 * 2),
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
