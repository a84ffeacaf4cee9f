/**
 * The consoles' feed: namespace `/console`. Each user gets what is his to see. Changes of targets are gathered and sent at
 * most ten times a second, each target's latest state only.
 */
import type { Namespace, Server } from 'socket.io'
import {
  CONSOLE_NAMESPACE,
  type ConsoleToHub,
  type FeedEventName,
  type FeedEvents,
  type HubToConsole,
} from '#shared/contract/console-feed.ts'
import type { HubStatus } from '#shared/contract/entities.ts'
import type { DeploymentId, DeviceId, TargetId, UserId } from '#shared/domain/ids.ts'
import type { Viewer } from '../context.ts'
import type { Deployments } from '../deployments/index.ts'
import type { Devices } from '../devices/index.ts'

const FRAME_MS = 100
/** Targets described in one frame; more of them follow in the next. */
const TARGETS_PER_FRAME = 500
const ADMINS = 'admins'
const userRoom = (id: UserId) => `user:${id}`
const sessionRoom = (id: string) => `session:${id}`

export type FeedListener = <E extends FeedEventName>(event: E, body: FeedEvents[E]) => void
export type ConsolesEdge = ReturnType<typeof createConsolesEdge>

export function createConsolesEdge(deps: {
  devices: Devices
  deployments: Deployments
  hubStatus: () => HubStatus
}) {
  let namespace: Namespace<ConsoleToHub, HubToConsole> | null = null
  const local = new Set<FeedListener>()

  const dirtyTargets = new Map<DeploymentId, Set<TargetId>>()
  const dirtyDeployments = new Set<DeploymentId>()
  const dirtyDevices = new Set<DeviceId>()
  let hubDirty = false
  let frame: NodeJS.Timeout | null = null

  function emit<E extends FeedEventName>(
    ownerId: UserId | null | 'everyone',
    event: E,
    body: FeedEvents[E],
  ): void {
    local.forEach((listener) => listener(event, body))
    if (!namespace) return
    const rooms =
      ownerId === null ? [ADMINS] : ownerId === 'everyone' ? [] : [ADMINS, userRoom(ownerId)]
    const to = rooms.length > 0 ? namespace.to(rooms) : namespace
    ;(to.emit as (event: E, body: FeedEvents[E]) => boolean)(event, body)
  }

  function sendFrame(): void {
    frame = null
    let room = TARGETS_PER_FRAME
    for (const [id, ids] of dirtyTargets) {
      if (room === 0) break
      const now = [...ids].slice(0, room)
      room -= now.length
      now.forEach((targetId) => ids.delete(targetId))
      if (ids.size === 0) dirtyTargets.delete(id)
      const owner = deps.deployments.describe(id)
      if (owner)
        emit(owner.ownerId, 'targets_updated', {
          deployment_id: id,
          ...deps.deployments.describeTargets(id, now),
        })
    }
    for (const id of dirtyDeployments) {
      const found = deps.deployments.describe(id)
      if (found) emit(found.ownerId, 'deployment_updated', found.deployment)
    }
    dirtyDeployments.clear()
    const ids = [...dirtyDevices.keys()]
    const described = new Map(deps.devices.describe(ids).map((found) => [found.device.id, found]))
    for (const id of ids) {
      const found = described.get(id)
      if (found) emit(found.ownerId, 'device_updated', { device: found.device })
      else emit(deps.devices.row(id)?.owner_id ?? null, 'device_updated', { removed_device_id: id })
    }
    dirtyDevices.clear()
    if (hubDirty) {
      emit('everyone', 'hub_updated', deps.hubStatus())
      emit(null, 'devices_pending', { count: deps.devices.counts().unapproved })
    }
    hubDirty = false
    if (dirtyTargets.size > 0) soon()
  }
  const soon = () => void (frame ??= setTimeout(sendFrame, FRAME_MS))

  const offDeployments = deps.deployments.subscribe((event) => {
    switch (event.type) {
      case 'targets': {
        const set = dirtyTargets.get(event.deploymentId) ?? new Set<TargetId>()
        event.targetIds.forEach((id) => set.add(id))
        dirtyTargets.set(event.deploymentId, set)
        return soon()
      }
      case 'deployment':
        dirtyDeployments.add(event.deploymentId)
        return soon()
      case 'output':
        return emit(
          deps.deployments.describe(event.deploymentId)?.ownerId ?? null,
          'target_output',
          event.piece,
        )
      case 'completed':
        // What led to the end is seen before the end itself.
        do {
          if (frame) clearTimeout(frame)
          sendFrame()
        } while (dirtyTargets.size > 0)
        return emit(
          deps.deployments.describe(event.deploymentId)?.ownerId ?? null,
          'deployment_completed',
          event.body,
        )
    }
  })
  const offDevices = deps.devices.onChange(({ id }) => {
    dirtyDevices.add(id)
    hubDirty = true
    soon()
  })

  return {
    /** @param authenticate the viewer and session behind an access token, or null */
    attach(
      server: Server,
      authenticate: (token: string) => { viewer: Viewer; sessionId: string } | null,
    ): void {
      namespace = server.of(CONSOLE_NAMESPACE)
      namespace.use((socket, next) => {
        const { token } = socket.handshake.auth as { token?: unknown }
        const known = typeof token === 'string' ? authenticate(token) : null
        if (!known) return next(new Error('E_UNAUTHENTICATED'))
        void socket.join([userRoom(known.viewer.id), sessionRoom(known.sessionId)])
        if (known.viewer.role === 'admin') void socket.join(ADMINS)
        next()
      })
    },
    /** Every event, unfiltered: for the desktop that runs this controller. */
    subscribe(listener: FeedListener): () => void {
      local.add(listener)
      return () => local.delete(listener)
    },
    /** Ends the feeds of sessions that have ended. */
    dropSession: (sessionId: string): void =>
      namespace?.in(sessionRoom(sessionId)).disconnectSockets(true),
    dropUser: (userId: UserId): void => namespace?.in(userRoom(userId)).disconnectSockets(true),
    hubChanged(): void {
      hubDirty = true
      soon()
    },
    stop(): void {
      if (frame) clearTimeout(frame)
      offDeployments()
      offDevices()
    },
  }
}
