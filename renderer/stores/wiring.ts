/** Joins the console feed to the stores: the only place that knows which event concerns which store. */
import { useApi } from '../api/index.ts'
import type {
  DeploymentCompleted,
  DeploymentPaused,
  FeedEvents,
  FeedEventName,
} from '#shared/contract/console-feed.ts'
import { useDeploymentsStore } from './deployments.ts'
import { useDevicesStore } from './devices.ts'
import { useEnrollmentsStore } from './enrollments.ts'
import { useGroupsStore } from './groups.ts'
import { useHubStore } from './hub.ts'
import { useLiveStore } from './live.ts'
import { useOutputStore } from './output.ts'
import { useSettingsStore } from './settings.ts'
import { useSoftwareStore } from './software.ts'
import { useStatsStore } from './stats.ts'
import { useUsersStore } from './users.ts'

export type Wiring = { start: () => void; stop: () => void }

/** What a person is notified of, wherever in the console they are. */
export type Notices = {
  completed: (done: DeploymentCompleted) => void
  paused: (event: DeploymentPaused) => void
}

export function createWiring(notices: Notices): Wiring {
  const { feed } = useApi()
  const [hub, devices, groups, software] = [
    useHubStore(),
    useDevicesStore(),
    useGroupsStore(),
    useSoftwareStore(),
  ]
  const [settings, users, enrollments] = [
    useSettingsStore(),
    useUsersStore(),
    useEnrollmentsStore(),
  ]
  const [deployments, live, output, stats] = [
    useDeploymentsStore(),
    useLiveStore(),
    useOutputStore(),
    useStatsStore(),
  ]

  const handlers: { [N in FeedEventName]: (body: FeedEvents[N]) => void } = {
    hub_updated: (body) => hub.apply(body),
    settings_updated: (body) => settings.apply(body),
    groups_updated: (body) => groups.apply(body),
    software_updated: (body) => software.apply(body),
    users_updated: (body) => users.apply(body),
    enrollments_updated: (body) => enrollments.apply(body),
    device_updated: (body) => devices.apply(body),
    devices_pending: (body) => (devices.pending = body.count),
    deployment_updated: (body) => {
      live.applyDeployment(body)
      deployments.put(body)
    },
    deployment_completed: (body) => {
      deployments.applyCompleted(body)
      void stats.load()
      notices.completed(body)
    },
    deployment_paused: (body) => notices.paused(body),
    targets_updated: (body) => {
      deployments.applyTargets(body)
      live.applyTargets(body)
    },
    target_output: (body) => output.apply(body),
  }
  feed.onEvent((name, body) => (handlers[name] as (b: typeof body) => void)(body))
  feed.onState((state, again) => {
    hub.feed = state
    // What happened during the gap was told to nobody here: fetch it.
    if (state === 'live' && again) loadAll(true)
  })

  function loadAll(withOpenPages: boolean): void {
    for (const store of [hub, settings, devices, groups, software, deployments, stats])
      void store.load()
    // Only of interest to who has looked at them.
    for (const store of [users, enrollments]) if (store.state !== 'idle') void store.load()
    if (withOpenPages) {
      if (live.id !== null) void live.load()
      void output.reload()
    }
  }
  return {
    start() {
      loadAll(false)
      feed.start()
    },
    stop() {
      feed.stop()
      for (const store of [
        ...[hub, settings, devices, groups, software, users, enrollments],
        ...[deployments, stats, live],
      ])
        store.reset()
    },
  }
}
