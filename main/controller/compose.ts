/** All the wiring of the controller, and its one door: the desktop, the headless start and the tests come in here. */
import { join } from 'node:path'
import { Server } from 'socket.io'
import type { FeedEventName, FeedEvents } from '#shared/contract/console-feed.ts'
import type { HubStatus } from '#shared/contract/entities.ts'
import type { DeploymentId, DeviceId } from '#shared/domain/ids.ts'
import { createAudit } from './audit/index.ts'
import { createContent } from './content/index.ts'
import type { Log } from './context.ts'
import { createDeployments, type EngineTimings } from './deployments/index.ts'
import { createDevices, type PresenceTimings } from './devices/index.ts'
import { createEnrollment, createPairing, type PairingTimings } from './enrollment/index.ts'
import { createGroups } from './groups/index.ts'
import { controllerHandlers } from './http/controller.routes.ts'
import { coreRoutes } from './http/core.routes.ts'
import { createConsoleServer } from './http/server.ts'
import { softwareRoutes } from './http/software.routes.ts'
import { createTokens } from './http/tokens.ts'
import { hubAddresses } from './hub/addresses.ts'
import { createAgentsEdge } from './hub/agents.ts'
import { createConsolesEdge } from './hub/consoles.ts'
import { attachPairing } from './hub/pairing.ts'
import { startAnnouncing } from './hub/announce.ts'
import { startHubServer } from './hub/server.ts'
import {
  applyRestore,
  commandKeys,
  createIdentity,
  openKeys,
  type Restored,
} from './identity/index.ts'
import { createAgentFiles } from './lib/agent-files.ts'
import { listen } from './lib/listen.ts'
import type { Keystore } from './lib/vault.ts'
import { closeDefaultNamespace } from './lib/namespaces.ts'
import { createSigner } from './signing/index.ts'
import { createEstate } from './estate.ts'
import { createSoftware } from './software/index.ts'
import { openStore } from './store/store.ts'
import { createPasswords, createUsers } from './users/index.ts'

export type ControllerOptions = {
  dataDir: string
  migrationsDir: string
  /** Where the built worker threads lie; null: they run from the sources. */
  workersDir: string | null
  /** The built console, served to browsers; null serves none. */
  rendererDir: string | null
  /** The single-file agents with their SHA256SUMS, offered to PCs that have none yet. Default: none are. */
  agentsDir?: string | null
  version: string
  /** Default: all interfaces. */
  hubHost?: string
  /** 0 = any free port. */
  hubPort: number
  /** Default: loopback. */
  consoleHost?: string
  consolePort: number
  /** Origins beside the console's own that may call the REST surface and the feed: the desktop's `app://` scheme. */
  allowedOrigins: readonly string[]
  log: Log
  /** May packages given as an address be fetched from this computer and its link-local neighbours? Default: no. */
  allowPrivateFetch?: boolean
  /** Protects the key files. Default: their permissions alone do. */
  keystore?: Keystore | null
  /** A recovery file was proven and unpacked: start the controller anew and it is taken up. Default: it waits for the next start. */
  onRestored?: () => void
  /** Is the hub announced on the LAN, so that agents find it? Default: yes. */
  discovery?: boolean
  /** For tests, which cannot wait as long as people. */
  timings?: {
    engine?: Partial<EngineTimings>
    presence?: Partial<PresenceTimings>
    pairing?: Partial<PairingTimings>
  }
}

export type Activity = {
  active_deployments: { id: DeploymentId; name: string; ended: number; total: number }[]
  running_targets: number
  online_agents: number
  total_devices: number
  /** PCs that wait for somebody to compare digits. */
  pending_devices: number
}

export type Controller = {
  readonly consoleUrl: string
  readonly hubUrl: string
  readonly fingerprint: string
  readonly dataDir: string
  activity: () => Activity
  /** Every feed event, unfiltered: the desktop belongs to whoever runs the controller. Returns the function that stops it. */
  subscribe: (
    listener: (event: FeedEventName, body: FeedEvents[FeedEventName]) => void,
  ) => () => void
  stop: () => Promise<void>
}

/**
 * Opens the store, listens, and takes up what was under way.
 * @throws AppError E_DATA_UNWRITABLE, E_DATA_LOCKED, E_DATABASE_CORRUPT, E_PORT_IN_USE; nothing is left running then
 */
export async function startController(options: ControllerOptions): Promise<Controller> {
  const { dataDir, log } = options
  const now = Date.now
  let restored: Restored | null = null
  const store = openStore({
    dataDir,
    migrationsDir: options.migrationsDir,
    beforeOpening: () => (restored = applyRestore(dataDir)),
  })
  const undo: (() => unknown)[] = [() => store.close()]
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  try {
    const firstKeys = await openKeys(dataDir, options.keystore ?? null)
    const consoleHost = options.consoleHost ?? '127.0.0.1'
    let hubPort = options.hubPort
    const addresses = () => hubAddresses(hubPort, options.hubHost)

    const audit = createAudit({
      store,
      now,
      publicKeys: () => commandKeys(dataDir),
      deploymentsOfDevice: (id): DeploymentId[] => deployments.idsOfDevice(id),
    })
    const identity = createIdentity({
      dataDir,
      databaseFile: store.file,
      workersDir: options.workersDir,
      version: options.version,
      keys: firstKeys,
      restored,
      now,
      audit,
    })
    undo.push(() => identity.stop())
    const { keys } = identity
    const users = createUsers({
      store,
      now,
      audit,
      passwords: createPasswords({ workersDir: options.workersDir }),
      estate: createEstate(() => ({ devices, groups, software, enrollment, deployments })),
      drop: (what): void => consoles.drop(what),
    })
    undo.push(() => users.stop())
    const signer = createSigner({
      keyFile: keys().command.keyFile,
      vaultKey: keys().vaultKey,
      databaseFile: store.file,
      workersDir: options.workersDir,
    })
    undo.push(() => signer.stop())
    undo.push(audit.startSealing(signer.sign, log))
    const devices = createDevices({ store, now, audit, presenceTimings: options.timings?.presence })
    undo.push(() => devices.stop())
    const groups = createGroups({ store, now, audit, devices })
    const agentFiles = createAgentFiles(options.agentsDir ?? null)
    const enrollment = createEnrollment({
      store,
      now,
      audit,
      devices,
      groups,
      keys,
      addresses,
      agentFiles,
    })
    const pairing = createPairing({
      store,
      now,
      log,
      audit,
      devices,
      keys,
      addresses,
      timings: options.timings?.pairing,
    })
    const content = createContent({
      store,
      dataDir,
      now,
      log,
      ticketKey: keys().ticketKey,
      deviceOfLiveAttempt: (id): DeviceId | null => deployments.deviceOfLiveAttempt(id),
    })
    const software = createSoftware({
      store,
      now,
      log,
      audit,
      content,
      fetchOptions: { allowPrivateFetch: options.allowPrivateFetch ?? false },
      isInUse: (id): boolean => deployments.isSoftwareInUse(id),
    })
    const agents = createAgentsEdge()
    const deployments = createDeployments({
      store,
      now,
      log,
      audit,
      devices,
      groups,
      software,
      agents,
      sign: signer.sign,
      keyId: () => keys().command.keyId,
      ticketUrl: content.ticketUrl,
      timings: options.timings?.engine,
    })
    software.onInstallerSettled((id) => deployments.installerSettled(id))
    devices.onChange(({ id, what }) => {
      if (what === 'removed') agents.refuse(id, 'This device was removed from the controller.')
      if (what === 'refused') agents.refuse(id, 'This device is blocked.')
    })

    const hubStatus = (): HubStatus => ({
      listening: true,
      port: hubPort,
      addresses: addresses(),
      fingerprint: keys().fingerprint,
      online_agents: devices.presence.onlineCount(),
      total_devices: devices.counts().total,
    })
    const consoles = createConsolesEdge({ devices, deployments, hubStatus })
    undo.push(() => consoles.stop())

    const web = await createConsoleServer({ ...options, consoleHost, jwtSecret: keys().jwtSecret })
    const isOpen = (sessionId: string, address: string): boolean =>
      users.viewerOf(sessionId, address) !== null
    const tokens = createTokens({ app: web.app, users, now })
    await web.mount(
      {
        ...coreRoutes({
          users,
          tokens,
          audit,
          devices,
          groups,
          enrollment,
          deployments,
          software,
          hubStatus,
          version: options.version,
        }),
        ...softwareRoutes({ software }),
        ...controllerHandlers({
          identity,
          devices,
          dataDir,
          restart: options.onRestored ?? null,
        }),
      },
      {
        authenticate: (token, address) => tokens.authenticate(token, address),
        isOpen,
        refused: (...told) => audit.refused(...told),
      },
    )
    await web.app.ready()
    const feed = new Server(web.app.server, {
      transports: ['websocket'],
      serveClient: false,
      perMessageDeflate: false,
      maxHttpBufferSize: 64 * 1024,
      // A cross-site page must not ride on somebody's browser: same rule as for REST.
      allowRequest: (request, done) => done(null, web.mayCall(request)),
      connectTimeout: 10_000,
    })
    closeDefaultNamespace(feed)
    consoles.attach(feed, (token, address) => tokens.authenticate(token, address), isOpen)
    undo.push(
      () => web.app.close(),
      () => feed.close(),
      // Whoever still uploads is cut off: closing would wait for him.
      () => web.app.server.closeAllConnections(),
    )
    const consolePort = await listen(web.app.server, options.consolePort, consoleHost, 'console')

    undo.push(
      () => software.stop(),
      () => deployments.stop(),
    )
    const hub = await startHubServer({
      host: options.hubHost,
      port: options.hubPort,
      tls: keys().tls,
      enrollment,
      content,
      agents,
      agentFiles,
      log,
      attach: (io) => {
        agents.attach(io, { devices, deployments, keys, sign: signer.sign, addresses, log })
        attachPairing(io, { pairing, log })
      },
    })
    hubPort = hub.port
    undo.push(
      () => hub.close(),
      () => pairing.stop(),
    )
    const announcer =
      (options.discovery ?? true)
        ? startAnnouncing({ addresses, fingerprint: () => keys().fingerprint, log })
        : null
    undo.push(() => announcer?.stop())
    identity.onChange((next, before) => {
      if (next.fingerprint !== before.fingerprint) enrollment.revokeAll()
      signer.renew()
      pairing.keysChanged()
      announcer?.renew()
      hub.renewTls(next.tls)
      // They come back within seconds, meet the new certificate and follow.
      agents.dropAll()
    })

    software.fetchMissing()
    deployments.start()
    software.startFetches()
    const host = consoleHost === '0.0.0.0' ? '127.0.0.1' : consoleHost
    log.info({ dataDir: join(dataDir), hubPort, consolePort }, 'the controller is up')
    return {
      consoleUrl: `http://${host}:${consolePort}`,
      hubUrl: `https://${addresses()[0]}`,
      get fingerprint() {
        return keys().fingerprint
      },
      dataDir,
      activity: () => ({
        ...deployments.activity(),
        online_agents: devices.presence.onlineCount(),
        total_devices: devices.counts().total,
        pending_devices: devices.counts().unapproved,
      }),
      subscribe: (listener) => consoles.subscribe(listener),
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}
