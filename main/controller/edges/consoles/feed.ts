/**
 * The consoles' feed: namespace `/console`. Each user receives what they may see. Changes are
 * batched, at most ten frames a second, with only the latest state of each target; before a
 * deployment completes or pauses, they are sent immediately.
 */
import type { Namespace, Server, Socket } from 'socket.io'
import type { Cancel, Clock } from '#shared/node/clock.ts'
import {
  CONSOLE_NAMESPACE,
  type ConsoleToHub,
  type FeedEventName,
  type FeedEvents,
  type HubToConsole,
} from '#shared/contract/feed.ts'
import type { HubStatus } from '#shared/contract/rest/hub.ts'
import type { DeploymentId, TargetId, UserId } from '#shared/domain/ids.ts'
import type { Deployments } from '../../slices/deployments/index.ts'
import type { Devices } from '../../slices/devices/index.ts'
import type { Users } from '../../slices/users/index.ts'
import type { Tokens } from './tokens.ts'
import { plainAddress } from '../../base/addresses.ts'
import { createDeviceFeed } from './device-feed.ts'
import { createEntityFeed, type EntityFeedDeps, type FeedAudience } from './entity-feed.ts'

const FRAME_MS = 100
/** Targets per frame; further ones follow in the next frame. */
const TARGETS_PER_FRAME = 500
/** How often to close the feeds of expired sessions. */
const SESSION_CHECK_MS = 30_000
const ADMINS = 'admins'
const userRoom = (id: UserId) => `user:${id}`
const sessionRoom = (id: string) => `session:${id}`

type InProcessEvent =
  'deployment_completed' | 'deployment_paused' | 'deployment_updated' | 'hub_updated'
/** Of the process that runs this controller: news of every deployment. */
export type InProcessListener = { [E in InProcessEvent]: (body: FeedEvents[E]) => void } & {
  /** Targets, devices or the hub have changed; at most ten times a second. */
  changed: () => void
}
type FeedData = { sessionId: string; address: string }
type FeedNamespace = Namespace<ConsoleToHub, HubToConsole, Record<string, never>, FeedData>
type FeedSocket = Socket<ConsoleToHub, HubToConsole, Record<string, never>, FeedData>
export type ConsolesEdge = ReturnType<typeof createConsolesEdge>

export function createConsolesEdge(
  deps: EntityFeedDeps & {
    devices: Devices
    deployments: Deployments
    users: Pick<Users, 'onSessionsEnded'>
    hubStatus: () => HubStatus
    clock: Clock
  },
) {
  let namespace: FeedNamespace | null = null
  const { clock } = deps
  let stopSweep: Cancel | undefined
  const inProcess = new Set<InProcessListener>()

  const dirtyTargets = new Map<DeploymentId, Set<TargetId>>()
  const dirtyDeployments = new Set<DeploymentId>()
  let hubDirty = false
  let cancelFrame: Cancel | null = null

  /** Whether a console would receive it: what nobody receives is neither described nor encoded. */
  function hasConsole(audience: FeedAudience): boolean {
    if (!namespace) return false
    if (audience === 'everyone') return namespace.sockets.size > 0
    const { rooms } = namespace.adapter
    return rooms.has(ADMINS) || (audience !== null && rooms.has(userRoom(audience)))
  }

  function emit<E extends FeedEventName>(
    audience: FeedAudience,
    event: E,
    body: FeedEvents[E],
  ): void {
    if (!namespace || !hasConsole(audience)) return
    const rooms =
      audience === null ? [ADMINS] : audience === 'everyone' ? [] : [ADMINS, userRoom(audience)]
    const to = rooms.length > 0 ? namespace.to(rooms) : namespace
    ;(to.emit as (event: E, body: FeedEvents[E]) => boolean)(event, body)
  }

  /** To the consoles and to the process that runs this controller. */
  function emitToAll<E extends InProcessEvent>(
    audience: FeedAudience,
    event: E,
    body: FeedEvents[E],
  ): void {
    inProcess.forEach((listener) => (listener[event] as (body: FeedEvents[E]) => void)(body))
    emit(audience, event, body)
  }

  function sendTargets(): void {
    let remaining = TARGETS_PER_FRAME
    for (const [id, ids] of dirtyTargets) {
      if (remaining === 0) break
      const batch = [...ids].slice(0, remaining)
      remaining -= batch.length
      batch.forEach((targetId) => ids.delete(targetId))
      if (ids.size === 0) dirtyTargets.delete(id)
      const owner = deps.deployments.ownerOf(id)
      if (owner !== undefined && hasConsole(owner))
        emit(owner, 'targets_updated', {
          deployment_id: id,
          ...deps.deployments.describeTargets(id, batch),
        })
    }
  }
  function sendDeployments(): void {
    for (const id of dirtyDeployments) {
      const owner = deps.deployments.ownerOf(id)
      const hasListener = inProcess.size > 0 || (owner !== undefined && hasConsole(owner))
      const found = hasListener ? deps.deployments.describe(id) : null
      if (found) emitToAll(found.ownerId, 'deployment_updated', found.deployment)
    }
    dirtyDeployments.clear()
  }
  function sendHub(): void {
    if (hubDirty && (inProcess.size > 0 || hasConsole('everyone'))) {
      emitToAll('everyone', 'hub_updated', deps.hubStatus())
      emit(null, 'devices_pending', { count: deps.devices.counts().unapproved })
    }
    hubDirty = false
  }

  function sendFrame(): void {
    cancelFrame = null
    sendTargets()
    sendDeployments()
    const areDevicesLeft = deviceFeed.send()
    sendHub()
    entities.send()
    inProcess.forEach((listener) => listener.changed())
    if (dirtyTargets.size > 0 || areDevicesLeft) scheduleFrame()
  }
  const scheduleFrame = () => void (cancelFrame ??= clock.setTimer(FRAME_MS, sendFrame))
  const deviceFeed = createDeviceFeed({ devices: deps.devices, hasConsole, emit })
  const entities = createEntityFeed(deps, emit, scheduleFrame)

  const offDeployments = deps.deployments.subscribe((event) => {
    switch (event.type) {
      case 'targets': {
        const set = dirtyTargets.get(event.deploymentId) ?? new Set<TargetId>()
        event.targetIds.forEach((id) => set.add(id))
        dirtyTargets.set(event.deploymentId, set)
        return scheduleFrame()
      }
      case 'deployment':
        dirtyDeployments.add(event.deploymentId)
        return scheduleFrame()
      case 'output':
        return emit(
          deps.deployments.ownerOf(event.deploymentId) ?? null,
          'target_output',
          event.piece,
        )
      case 'completed':
      case 'paused':
        // First send the changes that led to this event.
        do {
          cancelFrame?.()
          sendFrame()
        } while (dirtyTargets.size > 0)
        return emitToAll(
          deps.deployments.ownerOf(event.deploymentId) ?? null,
          event.type === 'completed' ? 'deployment_completed' : 'deployment_paused',
          event.body,
        )
    }
  })
  const offSessions = deps.users.onSessionsEnded(
    (what) =>
      void namespace
        ?.in('userId' in what ? userRoom(what.userId) : sessionRoom(what.sessionId))
        .disconnectSockets(true),
  )
  const offDevices = deps.devices.onChange(({ id }) => {
    deviceFeed.changed(id)
    hubDirty = true
    scheduleFrame()
  })

  return {
    /**
     * @param authenticate returns the viewer and session for an access token, or the reason for
     * refusal
     * @param isOpen true while a session is open
     */
    attach(
      server: Server,
      authenticate: Tokens['authenticate'],
      isOpen: (sessionId: string, address: string) => boolean,
    ): void {
      const here = server.of(CONSOLE_NAMESPACE) as FeedNamespace
      namespace = here
      const check = (socket: FeedSocket): void => {
        if (!isOpen(socket.data.sessionId, socket.data.address)) socket.disconnect(true)
      }
      // A user who was signed out while connecting was in no room yet when the sessions were
      // dropped.
      here.on('connection', check)
      stopSweep = clock.repeat(SESSION_CHECK_MS, () => here.sockets.forEach(check))
      here.use((socket, next) => {
        const { token } = socket.handshake.auth as { token?: unknown }
        const address = plainAddress(socket.handshake.address)
        const known = typeof token === 'string' ? authenticate(token, address) : null
        if (known === null || typeof known !== 'object') return next(new Error('E_UNAUTHENTICATED'))
        if (known.viewer.mustChangePassword) return next(new Error('E_PASSWORD_CHANGE_NEEDED'))
        socket.data = { sessionId: known.sessionId, address }
        void socket.join([userRoom(known.viewer.id), sessionRoom(known.sessionId)])
        if (known.viewer.role === 'admin') void socket.join(ADMINS)
        next()
      })
    },
    /** For the desktop app that runs this controller. */
    subscribe(listener: InProcessListener): () => void {
      inProcess.add(listener)
      return () => inProcess.delete(listener)
    },
    hubChanged(): void {
      hubDirty = true
      scheduleFrame()
    },
    stop(): void {
      cancelFrame?.()
      stopSweep?.()
      offDeployments()
      offDevices()
      offSessions()
      entities.stop()
    },
  }
}
