/**
 * Wires the whole controller. The only entry point: for the desktop app, the headless start and the
 * tests.
 */
import { join } from 'node:path'
import type { AgentUpdate, HubStatus } from '#shared/contract/rest/entities.ts'
import type { ControllerSettings } from '#shared/contract/rest/settings-routes.ts'
import type { DeploymentId, DeviceId } from '#shared/domain/ids.ts'
import { createAgentUpdates } from '../slices/agent-updates/index.ts'
import { createAudit } from '../slices/audit/index.ts'
import { checkAtStart, createChecks } from '../slices/check/index.ts'
import type { Controller, ControllerOptions } from './controller.types.ts'
import { createContent } from '../slices/content/index.ts'
import { createDeployments } from '../slices/deployments/index.ts'
import { createDevices } from '../slices/devices/index.ts'
import { createEnrollment, createPairing } from '../slices/enrollment/index.ts'
import { openConsolePort } from '../edges/consoles/console-port.ts'
import { createGroups } from '../slices/groups/index.ts'
import { createInspection } from '../slices/inspection/index.ts'
import { createInventories } from '../slices/inventory/index.ts'
import type { NamedDeployment } from '../base/in-use.ts'
import { hubAddresses } from '../base/lan-addresses.ts'
import { watchDefaultRoute } from '../base/default-route.ts'
import { createAgentsEdge } from '../edges/agents/agents.ts'
import { createConsolesEdge } from '../edges/consoles/feed.ts'
import { watchOwnNetwork } from '../edges/agents/own-network.ts'
import { attachPairing } from '../edges/agents/pairing.ts'
import { startAnnouncing } from '../edges/agents/announce.ts'
import { startHubServer } from '../edges/agents/server.ts'
import {
  applyRestore,
  commandKeys,
  createIdentity,
  NO_REPAIRS,
  openKeys,
  toRemember,
  type Restored,
} from '../slices/identity/index.ts'
import { createClock } from '../base/clock.ts'
import { createAgentFiles } from '../base/agent-files.ts'
import { createSealedArguments } from '../base/sealed-arguments.ts'
import { createSigner } from '../slices/signing/index.ts'
import { createOwnership } from './ownership.ts'
import { createRequests } from '../slices/requests/index.ts'
import { createSettings } from '../slices/settings/index.ts'
import { createSoftware } from '../slices/software/index.ts'
import { inStorageWords } from '../store/failures.ts'
import { openStore } from '../store/store.ts'
import { watchRoom } from '../store/room-watch.ts'
import { createTakeOver } from './take-over.ts'
import { createPasswords, createUsers } from '../slices/users/index.ts'

export type { Recover } from '../slices/check/index.ts'
export type { Activity, Controller, ControllerOptions } from './controller.types.ts'

/** How often the disk reserve is refilled if there is room. */
const REFILL_EVERY_MS = 30_000

/**
 * Opens the store, listens, and resumes running work.
 * @throws AppError E_DATA_UNWRITABLE, E_DATA_OWNER, E_DATA_LOCKED, E_DATA_INCOMPLETE,
 * E_DATABASE_BEHIND, E_DATABASE_CORRUPT, E_KEYS_DAMAGED, E_KEYS_SEALED, E_PORT_IN_USE; then nothing
 * is left running
 */
export async function startController(options: ControllerOptions): Promise<Controller> {
  const { dataDir, log } = options
  let restored: Restored | null = null
  let repairs = NO_REPAIRS
  const store = openStore({
    dataDir,
    migrationsDir: options.migrationsDir,
    beforeOpening: () => {
      restored = applyRestore(dataDir)
      repairs = checkAtStart({
        dataDir,
        migrationsDir: options.migrationsDir,
        keystore: options.keystore ?? null,
        recover: options.recover ?? null,
        log,
      })
    },
  })
  const clock = createClock(options.clock, (err) =>
    log.error({ err }, 'a clock change could not be applied everywhere'),
  )
  const now = clock.wallMs
  const undo: (() => unknown)[] = [() => store.close(), () => clock.stop()]
  clock.onChange((change) => log.warn(change, 'the clock was set, or the controller was suspended'))
  const stop = async (): Promise<void> => {
    // A second stop has nothing left to do.
    if (undo.length === 0) return
    store.setLockTimeout('stopping')
    const failures: unknown[] = []
    // One failing step, for example on a full disk, must not prevent the others.
    for (const step of undo.splice(0).reverse())
      await Promise.resolve()
        .then(step)
        .catch((error: unknown) => failures.push(error))
    if (failures.length > 0) throw inStorageWords(failures[0], dataDir)
  }
  try {
    const firstKeys = await openKeys(dataDir, options.keystore ?? null, repairs)
    store.facts.set('keys', toRemember(firstKeys))
    const consoleHost = options.consoleHost ?? '127.0.0.1'
    let hubPort = options.hubPort
    const defaultRoute = await watchDefaultRoute()
    undo.push(() => defaultRoute.stop())
    const addresses = () => hubAddresses(hubPort, options.hubHost, defaultRoute.is)

    const audit = createAudit({
      store,
      now,
      clock,
      publicKeys: () => commandKeys(dataDir),
      deploymentsOfDevice: (id): DeploymentId[] => deployments.idsOfDevice(id),
      predecessorsOfDevice: (id): DeviceId[] => devices.predecessors(id),
    })
    const common = { store, now, clock, log, audit }
    const settings = createSettings({ store, audit, log })
    const identity = createIdentity({
      dataDir,
      databaseFile: store.file,
      migrationsDir: options.migrationsDir,
      workersDir: options.workersDir,
      version: options.version,
      keys: firstKeys,
      restored,
      now,
      audit,
    })
    undo.push(() => identity.stop())
    const { keys } = identity
    const checks = createChecks({
      input: () => ({
        dataDir,
        migrationsDir: options.migrationsDir,
        vaultKey: keys().vaultKey,
        addresses: addresses(),
      }),
      workersDir: options.workersDir,
      now,
      log,
    })
    undo.push(() => checks.stop())
    const users = createUsers({
      ...common,
      passwords: createPasswords({ workersDir: options.workersDir }),
      ownership: createOwnership(
        () => ({ devices, groups, software, enrollment, deployments }),
        () => consoles.ownersChanged(),
      ),
      drop: (what): void => consoles.drop(what),
    })
    undo.push(() => users.stop())
    const signer = createSigner({
      keyFile: keys().command.keyFile,
      vaultKey: keys().vaultKey,
      databaseFile: store.file,
      agentsDir: options.agentsDir ?? null,
      workersDir: options.workersDir,
    })
    undo.push(() => signer.stop())
    undo.push(audit.startSealing(signer.sign, log))
    const devices = createDevices({
      ...common,
      agentUpdateOf: (row): AgentUpdate | null => agentUpdates.viewOf(row),
      presenceTimings: options.timings?.presence,
    })
    undo.push(() => devices.stop(), watchOwnNetwork({ clock, lost: devices.presence.beginGrace }))
    const inventories = createInventories({ ...common, devices })
    const groups = createGroups({
      ...common,
      devices,
      usedBy: (id): NamedDeployment[] => deployments.usingGroup(id),
    })
    const agentFiles = createAgentFiles(options.agentsDir ?? null)
    const enrollment = createEnrollment({ ...common, devices, groups, keys, addresses, agentFiles })
    undo.push(() => enrollment.stop())
    const pairing = createPairing({
      ...common,
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
      deviceOfLiveAttempt: (id): DeviceId | null => {
        const device = deployments.deviceOfLiveAttempt(id)
        return device === null || devices.eligibility(device).refused ? null : device
      },
    })
    undo.push(() => content.stop())
    const limit = ({ bandwidth_hub_kib_s, bandwidth_device_kib_s }: ControllerSettings): void =>
      content.setLimits({
        hub: bandwidth_hub_kib_s && bandwidth_hub_kib_s * 1024,
        device: bandwidth_device_kib_s && bandwidth_device_kib_s * 1024,
      })
    limit(settings.get())
    settings.onChange(limit)
    const inspection = createInspection({ workersDir: options.workersDir, log })
    const sealed = createSealedArguments(keys().argumentsKey)
    const software = createSoftware({
      ...common,
      content,
      sealed,
      inspection,
      fetchOptions: { allowPrivateFetch: options.allowPrivateFetch ?? false },
      usedBy: (id): NamedDeployment[] => deployments.usingSoftware(id),
    })
    const agents = createAgentsEdge()
    const deployments = createDeployments({
      ...common,
      devices,
      groups,
      software,
      sealed,
      agents,
      sign: signer.sign,
      keyId: () => keys().command.keyId,
      ticketUrl: content.ticketUrl,
      settings,
      workersDir: options.workersDir,
      timings: options.timings?.engine,
    })
    const agentUpdates = createAgentUpdates({
      ...common,
      devices,
      agentFiles,
      policy: options.agentUpdates ?? (() => settings.get().agent_updates),
      workingDevices: deployments.workingDevices,
      agents,
      sign: signer.sign,
      keyId: () => keys().command.keyId,
      timings: options.timings?.updates,
    })
    settings.onChange(() => agentUpdates.lookSoon())
    software.onInstallerSettled((id) => deployments.installerSettled(id))
    devices.onChange(({ id, what }) => {
      if (what === 'removed' || what === 'refused') content.cut(id)
      if (what === 'removed') {
        agents.refuse(id, 'This device was removed from the controller.')
        inventories.forget(id)
        groups.deviceRemoved(id)
      }
      if (what === 'refused') agents.refuse(id, 'This device is blocked.')
    })

    const hubStatus = (): HubStatus => ({
      listening: true,
      port: hubPort,
      addresses: addresses(),
      fingerprint: keys().fingerprint,
      online_agents: devices.presence.onlineCount(),
      total_devices: devices.counts().total,
      disk: store.room.now(),
    })
    const consoles = createConsolesEdge({
      ...{ devices, deployments, groups, software, users, enrollment, settings },
      hubStatus,
    })
    undo.push(() => consoles.stop())

    const whenWritable = (): Promise<void> => store.whenWritable()
    const consolePort = await openConsolePort({
      ...options,
      whenWritable,
      clock,
      consoleHost,
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
        takeOver: createTakeOver({ store, devices, groups, deployments }),
        requests: createRequests({ store, now, secret: keys().jwtSecret }),
        hubStatus,
        version: options.version,
      },
      identity,
      checks,
      consoles,
      undo,
    })

    undo.push(
      // Last in, first out: otherwise the software slice would wait for running inspections.
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
          addresses,
          proved: (connection) => unauthenticated.proved(connection),
          whenWritable,
          log,
        })
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
      store.facts.set('keys', toRemember(next))
      if (next.fingerprint !== before.fingerprint) enrollment.revokeAll()
      signer.renew()
      pairing.keysChanged()
      announcer?.renew()
      hub.renewTls(next.tls)
      // They reconnect within seconds, receive the new certificate and follow.
      agents.dropAll()
    })

    software.sealStored()
    software.fetchMissing()
    deployments.start()
    agentUpdates.start()
    software.startFetches()
    store.setLockTimeout('serving')
    const refill = setInterval(() => void store.room.refill(), REFILL_EVERY_MS)
    const roomWatch = watchRoom(store.room, () => consoles.hubChanged())
    undo.push(
      () => clearInterval(refill),
      () => roomWatch.stop(),
    )
    void store.room.refill()
    log.info({ dataDir: join(dataDir), hubPort, console: consolePort.url }, 'the controller is up')
    return {
      consoleUrl: consolePort.url,
      consoleFingerprint: consolePort.fingerprint,
      isConsoleOpenToRead: consolePort.isPlainInPublic,
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
      resumed: clock.resumed,
      stop,
    }
  } catch (error) {
    await stop().catch((err: unknown) => log.error({ err }, 'a failed start left something behind'))
    throw inStorageWords(error, dataDir)
  }
}
