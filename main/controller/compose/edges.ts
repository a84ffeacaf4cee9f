/** Everything that listens on the network: the consoles' port, the hub for agents, and the hub's advertisement on the LAN. */
import type { HubStatus } from '#shared/contract/rest/hub.ts'
import type { Clock, Random } from '../base/context.ts'
import { startAdvertising } from '../edges/agents/advertise.ts'
import { attachPairing } from '../edges/agents/pairing.ts'
import { startHubServer } from '../edges/agents/server.ts'
import { openConsolePort } from '../edges/consoles/console-port.ts'
import { createConsolesEdge } from '../edges/consoles/feed.ts'
import { toRemember } from '../slices/identity/index.ts'
import type { Store } from '../store/store.ts'
import type { ControllerOptions } from './controller.types.ts'
import type { HubPlace } from './hub-place.ts'
import type { Slices } from './slices.ts'

/** @throws AppError E_PORT_IN_USE */
export async function openEdges(
  slices: Slices,
  deps: {
    options: ControllerOptions
    store: Store
    clock: Clock
    random: Random
    place: HubPlace
    /** Steps of the stop, run in reverse order. */
    undo: (() => unknown)[]
  },
) {
  const { options, store, clock, random, place, undo } = deps
  const { log } = options
  const { audit, settings, identity, checks, signer, devices, inventories, groups, users } = slices
  const { enrollment, pairing, content, inspection, software, agents, deployments } = slices
  const { agentUpdates, agentFiles } = slices
  const { keys } = identity

  const hubStatus = (): HubStatus => ({
    listening: true,
    port: place.port(),
    addresses: place.addresses(),
    fingerprint: keys().fingerprint,
    online_agents: devices.presence.onlineCount(),
    total_devices: devices.counts().total,
    disk: store.freeSpace.now(),
  })
  const consoles = createConsolesEdge({
    ...{ devices, deployments, groups, software, users, enrollment, settings },
    hubStatus,
    clock,
  })
  undo.push(() => consoles.stop())

  const whenWritable = (): Promise<void> => store.whenWritable()
  const consolePort = await openConsolePort({
    ...options,
    whenWritable,
    clock,
    random,
    consoleHost: options.consoleHost ?? '127.0.0.1',
    consoleNames: options.consoleNames ?? [],
    consolePlainHttp: options.consolePlainHttp ?? false,
    setupCode: options.setupCode ?? null,
    vaultKey: keys().vaultKey,
    jwtSecret: keys().jwtSecret,
    slices: {
      users,
      audit,
      devices,
      inventories,
      agentUpdates,
      groups,
      enrollment,
      deployments,
      software,
      settings,
      takeOver: slices.takeOver,
      requests: slices.requests,
      hubStatus,
      version: options.version,
    },
    identity,
    checks,
    consoles,
    undo,
  })

  undo.push(
    // In reverse order: stopped first, the software slice would wait for running inspections.
    () => software.stop(),
    () => inspection.stop(),
    () => deployments.stop(),
    () => agentUpdates.stop(),
  )
  const hub = await startHubServer({
    host: options.hubHost,
    port: options.hubPort,
    tls: keys().tls,
    enrollment,
    content,
    agents,
    agentFiles,
    whenWritable,
    clock,
    log,
    attach: (io, unauthenticated) => {
      const { sign } = signer
      agents.attach(io, {
        devices,
        deployments,
        inventories,
        agentUpdates,
        keys,
        sign,
        addresses: place.addresses,
        proved: (connection) => unauthenticated.proved(connection),
        whenWritable,
        random,
        log,
      })
      attachPairing(io, { pairing, clock, log })
    },
  })
  place.listensOn(hub.port)
  undo.push(
    () => hub.close(),
    () => pairing.stop(),
  )
  const advertiser =
    (options.discovery ?? true)
      ? startAdvertising({
          addresses: place.addresses,
          fingerprint: () => keys().fingerprint,
          clock,
          log,
        })
      : null
  undo.push(() => advertiser?.stop())
  identity.onChange((next, before) => {
    store.facts.set('keys', toRemember(next))
    if (next.fingerprint !== before.fingerprint) enrollment.revokeAll()
    signer.renew()
    pairing.keysChanged()
    advertiser?.renew()
    hub.renewTls(next.tls)
    // Agents reconnect within seconds and receive the new certificate, which announces the new keys.
    agents.dropAll()
  })

  return { consoles, consolePort }
}
