/**
 * Creates the whole controller and connects its parts. The desktop app, the headless start and the
 * tests all enter here.
 */
import { join } from 'node:path'
import { systemRandom } from '#shared/node/random.ts'
import { createClock, systemSource } from '../base/clock.ts'
import { watchDefaultRoute } from '../base/default-route.ts'
import { checkAtStart } from '../slices/check/index.ts'
import {
  applyRestore,
  NO_REPAIRS,
  openKeys,
  toRemember,
  type Restored,
} from '../slices/identity/index.ts'
import { asStorageError } from '../store/failures.ts'
import { watchFreeSpace } from '../store/free-space-watch.ts'
import { openStore } from '../store/store.ts'
import type { Controller, ControllerOptions } from './controller.types.ts'
import { openEdges } from './edges.ts'
import { createHubPlace } from './hub-place.ts'
import { createSlices } from './slices.ts'

export type { Recover } from '../slices/check/index.ts'
export type { Activity, Controller, ControllerOptions } from './controller.types.ts'

/** How often the disk reserve is refilled, if there is free space. */
const REFILL_EVERY_MS = 30_000

/**
 * Opens the store, listens, and resumes running work.
 * @throws AppError E_DATA_UNWRITABLE, E_DATA_OWNER, E_DATA_LOCKED, E_DATA_INCOMPLETE,
 * E_DATABASE_BEHIND, E_DATABASE_CORRUPT, E_KEYS_DAMAGED, E_KEYS_SEALED, E_PORT_IN_USE; then nothing
 * is left running
 */
export async function startController(options: ControllerOptions): Promise<Controller> {
  const { dataDir, log, clock: source = systemSource, random = systemRandom } = options
  let restored: Restored | null = null
  let repairs = NO_REPAIRS
  const store = openStore({
    dataDir,
    migrationsDir: options.migrationsDir,
    clock: source,
    random,
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
  const clock = createClock(source, (err) =>
    log.error({ err }, 'a clock change could not be applied everywhere'),
  )
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
    if (failures.length > 0) throw asStorageError(failures[0], dataDir)
  }
  try {
    const firstKeys = await openKeys(dataDir, options.keystore ?? null, repairs)
    store.facts.set('keys', toRemember(firstKeys))
    const defaultRoute = await watchDefaultRoute(clock)
    undo.push(() => defaultRoute.stop())
    const place = createHubPlace(options.hubPort, options.hubHost, defaultRoute.is)

    const common = { options, store, clock, random, place, undo }
    const slices = createSlices({ ...common, firstKeys, restored })
    const { consoles, consolePort } = await openEdges(slices, common)
    const { devices, deployments, software, agentUpdates, identity, users } = slices

    software.sealStored()
    software.fetchMissing()
    users.start()
    deployments.start()
    agentUpdates.start()
    software.startFetches()
    store.setLockTimeout('serving')
    const stopRefilling = clock.repeat(REFILL_EVERY_MS, () => void store.freeSpace.refill())
    const freeSpaceWatch = watchFreeSpace(store.freeSpace, () => consoles.hubChanged(), clock)
    undo.push(stopRefilling, () => freeSpaceWatch.stop())
    void store.freeSpace.refill()
    log.info(
      { dataDir: join(dataDir), hubPort: place.port(), console: consolePort.url },
      'the controller is up',
    )
    return {
      consoleUrl: consolePort.url,
      consoleFingerprint: consolePort.fingerprint,
      isConsoleOpenToRead: consolePort.isPlainInPublic,
      hubUrl: `https://${place.addresses()[0]}`,
      get fingerprint() {
        return identity.keys().fingerprint
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
    throw asStorageError(error, dataDir)
  }
}
