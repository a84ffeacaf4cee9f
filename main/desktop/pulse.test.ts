import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { DeploymentCompleted, DeploymentPaused, FeedEvents } from '#shared/contract/feed.ts'
import type { DeploymentId } from '#shared/domain/ids.ts'
import { systemClock } from '#shared/node/clock.ts'
import { lookOf, watchPulse, type Activity, type Pulse } from './pulse.ts'

const id = (n: number) => n as DeploymentId
const QUIET: Activity = {
  active_deployments: [],
  running_targets: 0,
  online_agents: 0,
  total_devices: 0,
  pending_devices: 0,
}

type Listener = Parameters<Parameters<typeof watchPulse>[0]['controller']['subscribe']>[0]
type Event = Exclude<keyof Listener, 'changed'>

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function setUp(
  isLookedAt: (id: DeploymentId) => boolean = () => false,
  atStart: Partial<Activity> = {},
) {
  let activity = { ...QUIET, ...atStart }
  let listener: Listener | null = null
  const beats: Pulse[] = []
  const completed: DeploymentCompleted[] = []
  const pauses: DeploymentPaused[] = []
  const watch = watchPulse({
    clock: systemClock,
    controller: {
      hubUrl: 'https://192.168.1.20:7480',
      activity: () => activity,
      subscribe: (given) => {
        listener = given
        return () => (listener = null)
      },
    },
    onBeat: (pulse) => beats.push(pulse),
    onCompleted: (ended) => completed.push(ended),
    onPaused: (event) => pauses.push(event),
    isLookedAt,
  })
  return {
    watch,
    beats,
    completed,
    pauses,
    isSubscribed: () => listener !== null,
    set: (changes: Partial<Activity>) => (activity = { ...activity, ...changes }),
    change: () => listener?.changed(),
    /** With the rest of its frame. */
    send: <E extends Event>(event: E, body: Partial<FeedEvents[E]>): void => {
      listener?.[event](body as never)
      listener?.changed()
    },
    end: (n: number, status: string, failure_count = 1) =>
      listener?.deployment_completed({
        deployment_id: id(n),
        deployment_name: `D${n}`,
        status,
        failure_count,
      } as never),
    pause: (n: number) =>
      listener?.deployment_paused({
        deployment_id: id(n),
        deployment_name: `D${n}`,
        failure_count: 2,
      } as never),
    unseen: () => beats.at(-1)?.unseen.map((each) => each.id),
  }
}

describe('the pulse', () => {
  it('beats immediately, then at most once a second and only after changes', () => {
    const { beats, set, change } = setUp()
    expect(beats).toEqual([{ hubAddress: '192.168.1.20:7480', activity: QUIET, unseen: [] }])
    for (let n = 1; n <= 500; n++) {
      set({ running_targets: n })
      change()
      vi.advanceTimersByTime(10)
    }
    expect(beats.length).toBeGreaterThanOrEqual(5)
    expect(beats.length).toBeLessThanOrEqual(7)
    vi.advanceTimersByTime(1_000)
    expect(beats.at(-1)?.activity.running_targets).toBe(500)
    const before = beats.length
    change()
    vi.advanceTimersByTime(5_000)
    expect(beats).toHaveLength(before)
  })

  it('recovers from a lost event', () => {
    const { beats, set } = setUp()
    set({ running_targets: 1 })
    expect(beats).toHaveLength(1)
    vi.advanceTimersByTime(20_000)
    expect(beats).toHaveLength(2)
  })

  it('beats within a second after the clock of the computer is set back by a day', () => {
    const { beats, set, change } = setUp()
    vi.advanceTimersByTime(5_000)
    vi.setSystemTime(Date.now() - 24 * 3_600_000)
    set({ running_targets: 1 })
    change()
    vi.advanceTimersByTime(1_000)
    expect(beats.at(-1)?.activity.running_targets).toBe(1)
  })

  it('follows the hub to its new address', () => {
    const { beats, send } = setUp()
    send('hub_updated', { addresses: ['10.0.0.9:7480', '127.0.0.1:7480'] })
    vi.advanceTimersByTime(1_000)
    expect(beats.at(-1)?.hubAddress).toBe('10.0.0.9:7480')
  })

  it('stops without leaving a timer or subscription', () => {
    const { watch, isSubscribed, change } = setUp()
    change()
    watch.stop()
    expect(isSubscribed()).toBe(false)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('unseen failures', () => {
  it('are those of deployments that ended failed or partial', () => {
    const { end, unseen, completed } = setUp()
    end(1, 'failed')
    end(2, 'partial')
    end(3, 'completed', 0)
    end(4, 'canceled')
    vi.advanceTimersByTime(1_000)
    expect(unseen()).toEqual([1, 2])
    expect(completed).toHaveLength(4)
  })

  it('do not include failures on a visible page', () => {
    const { end, unseen } = setUp((each) => each === 1)
    end(1, 'failed')
    end(2, 'failed')
    vi.advanceTimersByTime(1_000)
    expect(unseen()).toEqual([2])
  })

  it('are seen once their page, or the list of all, is open', () => {
    const { watch, end, unseen } = setUp()
    for (const n of [1, 2, 3]) end(n, 'failed')
    watch.looked({ deployment: id(2) })
    vi.advanceTimersByTime(1_000)
    expect(unseen()).toEqual([1, 3])
    watch.looked('deployments')
    vi.advanceTimersByTime(1_000)
    expect(unseen()).toEqual([])
  })

  it('end with a retry, and return if that fails', () => {
    const { send, end, unseen } = setUp()
    end(1, 'partial')
    send('deployment_updated', { id: id(1), status: 'in_progress' })
    vi.advanceTimersByTime(1_000)
    expect(unseen()).toEqual([])
    end(1, 'failed')
    vi.advanceTimersByTime(1_000)
    expect(unseen()).toEqual([1])
  })

  it('include a deployment that was paused by failures, until it is resumed', () => {
    const { beats, pauses, pause, send, unseen } = setUp()
    pause(1)
    // The change that came with the pause does not clear it.
    send('deployment_updated', { id: id(1), status: 'in_progress', paused: true })
    vi.advanceTimersByTime(1_000)
    expect(beats.at(-1)?.unseen).toEqual([{ id: 1, name: 'D1', failed: 2, isPaused: true }])
    expect(pauses).toHaveLength(1)
    send('deployment_updated', { id: id(1), status: 'in_progress', paused: false })
    vi.advanceTimersByTime(1_000)
    expect(unseen()).toEqual([])
  })

  it('include those that were paused by failures before the start', () => {
    const active = { ended: 3, failed: 2, total: 9 }
    const { beats, send, unseen } = setUp(() => false, {
      active_deployments: [
        { ...active, id: id(1), name: 'Runs', is_paused_by_failures: false },
        { ...active, id: id(2), name: 'Night', is_paused_by_failures: true },
      ],
    })
    expect(beats[0]?.unseen).toEqual([{ id: 2, name: 'Night', failed: 2, isPaused: true }])
    send('deployment_updated', { id: id(2), status: 'in_progress', paused: false })
    vi.advanceTimersByTime(1_000)
    expect(unseen()).toEqual([])
  })

  it('are bounded: the oldest are dropped', () => {
    const { end, unseen } = setUp()
    for (let n = 1; n <= 60; n++) end(n, 'failed')
    vi.advanceTimersByTime(1_000)
    expect(unseen()).toHaveLength(50)
    expect(unseen()?.[0]).toBe(11)
  })
})

it('knows which page shows failures', () => {
  const at = (route: string) => lookOf(`app://deployx/index.html${route}`)
  expect(at('#/deployments')).toBe('deployments')
  expect(at('#/deployments/?filter=failed')).toBe('deployments')
  expect(at('#/deployments/7')).toEqual({ deployment: 7 })
  expect(at('#/deployments/7/targets/12?x=1')).toEqual({ deployment: 7 })
  for (const route of ['', '#/', '#/deployments/new', '#/deployments/07', '#/devices/7'])
    expect(at(route), route).toBeNull()
})
