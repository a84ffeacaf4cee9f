/** The stores and their wiring, with a feed that the test controls and a controller that answers by route name. */
import { createPinia } from 'pinia'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createApp } from 'vue'
import type { DeploymentCompleted, DeploymentPaused } from '#shared/contract/feed.ts'
import type { Deployment } from '#shared/contract/rest/deployments.ts'
import { DeploymentId } from '#shared/domain/ids.ts'
import { API } from '../api/index.ts'
import type { Api } from '../api/index.ts'
import { ApiError } from '../api/failure.ts'
import type { FeedState } from '../api/feed.ts'
import type { ClientErrorCode } from '../ui/lib/error-text.ts'
import { aDeployment, aTarget } from '../test-kit.ts'
import { useDeploymentsStore } from '../features/deployments/deployments-store.ts'
import { useHubStore } from '../features/settings/hub-store.ts'
import { useLiveStore } from '../features/deployments/live-store.ts'
import { createWiring } from './wiring.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())
const seconds = (count: number) => vi.advanceTimersByTimeAsync(count * 1_000)

const ended = (change: Partial<Deployment> = {}): Deployment => {
  const running = aDeployment()
  return aDeployment({
    status: 'completed',
    ended_at: '2026-11-23T10:05:00.000Z',
    counts: { ...running.counts, pending: 0, completed: 1 },
    ...change,
  })
}

function open(screen: string) {
  const world = {
    deployment: aDeployment(),
    failure: null as ClientErrorCode | null,
    screen,
    asked: [] as string[],
  }
  const progress = () => ({
    targets: [aTarget({ deployment_status: world.deployment.ended_at ? 'completed' : 'pending' })],
  })
  const answers: Record<string, () => unknown> = {
    'hub.get': () => ({ listening: true, addresses: [], port: 1, online_agents: 1 }),
    'deployments.list': () => ({ deployments: [world.deployment], total: 1 }),
    'deployments.get': () => world.deployment,
    'deployments.progress': progress,
    'devices.list': () => ({ devices: [] }),
    'groups.list': () => ({ groups: [] }),
    'software.list': () => ({ software: [] }),
  }
  const call = async (name: string) => {
    world.asked.push(name)
    if (world.failure) throw new ApiError(world.failure, '')
    return answers[name]?.() ?? {}
  }
  let setFeed: (state: FeedState, again: boolean) => void = () => undefined
  const feed = {
    start: () => setFeed('connecting', false),
    stop: () => setFeed('off', false),
    retry: () => undefined,
    onEvent: () => () => undefined,
    onState: (listener: typeof setFeed) => (setFeed = listener),
  }
  const app = createApp({ render: () => null })
  app.provide(API, { call, feed } as unknown as Api)
  app.use(createPinia())
  const completed: DeploymentCompleted[] = []
  const paused: DeploymentPaused[] = []
  return app.runWithContext(() => {
    const wiring = createWiring(
      { completed: (done) => completed.push(done), paused: (event) => paused.push(event) },
      { screen: () => world.screen, isHidden: () => false },
    )
    const stores = { hub: useHubStore(), deployments: useDeploymentsStore(), live: useLiveStore() }
    return {
      ...{ world, wiring, completed, paused, ...stores },
      setFeed: (state: FeedState, again = false) => setFeed(state, again),
    }
  })
}

it('shows the end of a deployment when the feed never connects, and notifies once', async () => {
  const { world, wiring, live, deployments, completed, hub, setFeed } = open('deployment')
  wiring.start()
  await live.open(DeploymentId.parse(1))
  setFeed('down')
  await seconds(3)
  setFeed('down')
  setFeed('down')
  expect(hub.refreshing).toEqual({ everySeconds: 5, isBlocked: true })
  expect(hub.isCutOff).toBe(false)
  world.deployment = ended()
  await seconds(6)
  expect(live.deployment?.status).toBe('completed')
  expect(live.list.map((t) => t.deployment_status)).toEqual(['completed'])
  expect(deployments.active).toEqual([])
  await seconds(60)
  expect(completed.map(({ status, success_count }) => [status, success_count])).toEqual([
    ['completed', 1],
  ])
  wiring.stop()
})

it('notifies when failures pause a deployment', async () => {
  const { world, wiring, paused, setFeed } = open('devices')
  wiring.start()
  setFeed('down')
  await seconds(3)
  const why = { pause_reason: 'failure_threshold', pause_message: '2 of 3 failed' } as const
  world.deployment = aDeployment({ paused: true, ...why })
  await seconds(20)
  expect(paused.map(({ message }) => message)).toEqual(['2 of 3 failed'])
  wiring.stop()
})

it('fetches only what is on the screen', async () => {
  const { world, wiring, setFeed } = open('groups')
  world.deployment = ended()
  wiring.start()
  setFeed('down')
  await seconds(3)
  world.asked = []
  await seconds(15)
  expect([...new Set(world.asked)].sort()).toEqual(['devices.list', 'groups.list', 'hub.get'])
  world.screen = 'software'
  world.asked = []
  wiring.look()
  await seconds(0)
  expect(world.asked).toEqual(['hub.get', 'software.list'])
  wiring.stop()
})

it('does not refetch the targets of an ended deployment while it is unchanged', async () => {
  const { world, wiring, live, setFeed } = open('deployment')
  world.deployment = ended()
  wiring.start()
  await live.open(DeploymentId.parse(1))
  setFeed('down')
  await seconds(3)
  world.asked = []
  await seconds(60)
  expect(world.asked).toContain('deployments.get')
  expect(world.asked).not.toContain('deployments.progress')
  // Another user retries it.
  world.deployment = aDeployment()
  await seconds(16)
  expect(live.list.map((t) => t.deployment_status)).toEqual(['pending'])
  wiring.stop()
})

it.each(['E_UNREACHABLE', 'E_TIMEOUT', 'E_REPLY'] as const)(
  'reports no connection when the controller does not answer either: %s',
  async (code) => {
    const { world, wiring, hub, setFeed } = open('dashboard')
    world.failure = code
    wiring.start()
    setFeed('down')
    await seconds(30)
    expect([hub.isCutOff, hub.refreshing]).toEqual([true, null])
    expect(new Set(world.asked.slice(-3))).toEqual(new Set(['hub.get']))
    wiring.stop()
  },
)

it('fetches everything once the feed is live, including the first time', async () => {
  const { world, wiring, deployments, hub, setFeed } = open('dashboard')
  wiring.start()
  await seconds(1)
  expect(deployments.active).toHaveLength(1)
  // It ended before this console received any event.
  world.deployment = ended()
  setFeed('live', false)
  await seconds(0)
  expect(deployments.active).toHaveLength(0)
  expect(hub.refreshing).toBeNull()
  wiring.stop()
})
