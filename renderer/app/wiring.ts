/** Connects the console feed to the stores: the only place that knows which event concerns which store. */
import type { RouteRecordNameGeneric } from 'vue-router'
import { useApi } from '../api/index.ts'
import type {
  DeploymentCompleted,
  DeploymentPaused,
  FeedEvents,
  FeedEventName,
} from '#shared/contract/feed.ts'
import { controllerNow } from '../ui/lib/controller-clock.ts'
import { LOCAL_CODES } from '../ui/lib/error-text.ts'
import { endedSince, pausedSince } from '../ui/lib/ended-since.ts'
import { useDeploymentsStore, useLiveStore, useOutputStore } from '../features/deployments/index.ts'
import { useDevicesStore, useEnrollmentsStore } from '../features/devices/index.ts'
import { useGroupsStore } from '../features/groups/index.ts'
import { useHubStore, useSettingsStore } from '../features/settings/index.ts'
import { createRefresh } from '../state/refresh.ts'
import { useSoftwareStore } from '../features/software/index.ts'
import { useStatsStore } from '../features/dashboard/index.ts'
import { useUsersStore } from '../features/users/index.ts'

export type Wiring = {
  start: () => void
  stop: () => void
  /** Call it when another screen is shown or a hidden window becomes visible. */
  look: () => void
}

/** The visible screen: without the feed, only its data is fetched. */
export type View = { screen: () => RouteRecordNameGeneric; isHidden: () => boolean }

/** Everything is fetched once the feed is live (it reports changes from then on), or after this long without it. */
const WAIT_FOR_FEED_MS = 400

/** Events that notify the user on any screen. */
export type Notices = {
  completed: (done: DeploymentCompleted) => void
  paused: (event: DeploymentPaused) => void
}

export function createWiring(notices: Notices, view: View): Wiring {
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
  /** The stores that each screen shows, besides the hub. */
  const watched = { load: () => live.refresh() }
  const text = { load: () => output.reload() }
  const shownOn: Record<string, { load: () => Promise<void> }[]> = {
    dashboard: [deployments, devices, stats],
    deployments: [deployments],
    'new-deployment': [devices, groups, software],
    deployment: [watched],
    target: [watched, text],
    devices: [devices],
    'add-devices': [devices, enrollments],
    device: [devices, groups],
    groups: [groups, devices],
    'new-group': [groups, devices],
    group: [groups, devices],
    software: [software],
    'software-item': [software],
    users: [users],
    user: [users],
    settings: [settings],
  }
  const hasActive = (): boolean => deployments.active.length > 0

  /** Returns false if the controller does not answer. */
  async function fetchScreen(): Promise<boolean> {
    await hub.load()
    // An error page from a proxy is not an answer from the controller either.
    if (hub.failure && LOCAL_CODES.some((code) => code === hub.failure?.code)) return false
    const before = deployments.byId
    const shown = new Set(shownOn[String(view.screen())] ?? [])
    // The sidebar counts running deployments, and the user who started one is notified when it ends.
    if (hasActive()) shown.add(deployments)
    await Promise.all([...shown].map((part) => part.load()))
    endedSince(before, deployments.byId).forEach(notices.completed)
    const at = new Date(controllerNow()).toISOString()
    pausedSince(before, deployments.byId, at).forEach(notices.paused)
    return true
  }
  const refresh = createRefresh({
    fetch: fetchScreen,
    isBusy: () => hasActive() || devices.waiting.length > 0,
    isHidden: view.isHidden,
    retryFeed: () => feed.retry(),
    show: (now) => (hub.refreshing = now),
  })

  let firstLoad: ReturnType<typeof setTimeout> | undefined
  let isLoaded = false
  feed.onState((state, again) => {
    hub.feed = state
    refresh.feed(state)
    if (state !== 'live') return
    clearTimeout(firstLoad)
    // Events before or during the gap never reached this console: fetch the current state.
    loadAll(again || isLoaded)
  })

  function loadAll(withOpenPages: boolean): void {
    isLoaded = true
    const stores = [hub, settings, devices, groups, software, deployments, stats]
    // Only needed once the user has opened these pages.
    const seen = [users, enrollments].filter((store) => store.state !== 'idle')
    const open = withOpenPages && live.id !== null ? [live] : []
    for (const store of [...stores, ...seen, ...open]) {
      // An answer already in flight may be older than the feed.
      store.touch()
      void store.load()
    }
    if (withOpenPages) void output.reload()
  }
  return {
    start() {
      isLoaded = false
      firstLoad = setTimeout(() => loadAll(false), WAIT_FOR_FEED_MS)
      feed.start()
    },
    stop() {
      clearTimeout(firstLoad)
      feed.stop()
      for (const store of [
        ...[hub, settings, devices, groups, software, users, enrollments],
        ...[deployments, stats, live],
      ])
        store.reset()
    },
    look: () => refresh.look(),
  }
}
