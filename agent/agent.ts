/** Wires up an enrolled agent. */
import { coded } from '#shared/domain/coded-texts/codes.ts'
import { compose } from '#shared/domain/coded-texts/compose.ts'
import { existsSync, mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import type { AgentFacts } from '#shared/contract/agent/link.ts'
import { RULE_TYPES_READ } from '#shared/contract/detection.ts'
import type { Clock } from '#shared/node/clock.ts'
import type { Random } from '#shared/node/random.ts'
import type { Source } from './download/download.ts'
import { ATTEMPT_TIMINGS, type AttemptTimings } from './attempts/attempt.ts'
import { createInspect } from './attempts/inspect.ts'
import { createRunner } from './attempts/runner.ts'
import { createConditions } from './conditions/conditions.ts'
import { findHub } from './discovery/find-hub.ts'
import { gatherFacts, ownFileName } from './facts/facts.ts'
import type { Enrollment, Identity } from './identity/identity.ts'
import type { StateFolder } from './identity/state-folder.ts'
import { follow, statementsOf } from './identity/succession.ts'
import { createCollector, createReader } from './inventory/collect.ts'
import { createInventory } from './inventory/inventory.ts'
import { createInstallers } from './install/create-installers.ts'
import { openDamage } from './journal/damage.ts'
import { examineJournal, openJournal } from './journal/journal.ts'
import { errorText, writeDurably } from './lib/atomic-file.ts'
import type { Log } from './lib/log.ts'
import { AGENT_VERSION } from './lib/version.ts'
import { linkedSignal } from './lib/wait.ts'
import { selfCommand } from './lib/self.ts'
import { mergeAddresses } from './link/enroll.ts'
import { refuse } from './link/envelope.ts'
import { createLink, type LinkTimings } from './link/link.ts'
import { createPinnedConnect, type Pin } from './link/pinned-agent.ts'
import { examineRestartJournal, openRestartJournal } from './restart/restart-journal.ts'
import { createRestarts } from './restart/restarts.ts'
import { systemRestartTools, type RestartTools } from './restart/tools.ts'
import { createSupervisorClient } from './supervisor/client.ts'
import { placesOf, updateObstacle } from './update/places.ts'
import { createUpdater } from './update/updater.ts'

/** How long a package download from the hub waits for the hub to come back. */
const HUB_TIMEOUT_MS = 24 * 3_600_000
const RECORDS_LOST = coded('records_lost', {})

export type AgentOptions = {
  folder: StateFolder
  identity: Identity
  /** A folder to install into instead of this PC. */
  installRoot: string | null
  /** See facts/hardware.ts. */
  hardwareId: string | null
  /** Set by tests only: replaces the platform's own means of restarting. */
  restartTools?: RestartTools
  linkTimings?: Partial<LinkTimings>
  attemptTimings?: Partial<AttemptTimings>
  onConnected: (address: string) => void
  onLost: (why: string) => void
  /**
   * The executable was replaced with another version: this process has to end, so that the new one starts.
   */
  onReplaced: () => void
  clock: Clock
  random: Random
  log: Log
}

/**
 * Runs until the signal fires. Running installers continue; the agent follows them again after its next start. @throws
 * RefusedError when the hub refuses this agent for good, SeparateDeviceError when this PC has become a separate
 * device
 */
export async function runAgent(options: AgentOptions, signal: AbortSignal): Promise<void> {
  const stopping = linkedSignal(signal)
  const stopped = stopping.signal
  const { folder, identity, clock, random, log } = options
  const enrollment = (): Enrollment => identity.enrollment()!
  const installRoot = options.installRoot === null ? null : resolve(options.installRoot)
  if (installRoot !== null && !existsSync(installRoot)) mkdirSync(installRoot, { recursive: true })
  const installers = createInstallers({ installRoot, scratchDir: folder.workDir })
  const conditions = createConditions(installRoot, clock)
  const damage = openDamage(folder.path, options)
  examineJournal(folder.journalFile, damage)
  examineRestartJournal(folder.restartsFile, damage)
  const journal = openJournal(folder.journalFile, log)
  const restartTools = options.restartTools ?? systemRestartTools(installRoot, clock)
  const restartAbility = await restartTools.ability()
  const restartJournal = openRestartJournal(folder.restartsFile, log)
  const restarts = createRestarts({
    enrollment,
    journal: restartJournal,
    tools: restartTools,
    ability: restartAbility,
    isBusy: () => journal.open().length > 0,
    log,
  })
  const facts = (): AgentFacts => ({
    ...gatherFacts(identity.name(), installRoot ?? folder.path),
    self_update: updater.facts(),
  })
  const reportFacts = () =>
    void link.report('inventory_report', { facts: facts() }).catch(() => undefined)

  let noLink: string | null = null
  /** For the `status` command, which runs in another process. */
  function writeStatus(connectedTo: string | null, why: string | null = null): void {
    try {
      const since = new Date(clock.wallMs()).toISOString()
      writeDurably(folder.statusFile, JSON.stringify({ connected_to: connectedTo, since, why }))
    } catch (error) {
      log.warn({ why: errorText(error) }, 'the status could not be written')
    }
  }

  /** Never accept a sequence again that the hub has already used, even if this agent lost its records. */
  function raiseSequences(lastSequence: number | null): void {
    if (lastSequence === null) return
    try {
      if (lastSequence > journal.highestSequence()) journal.raiseSequence(lastSequence)
      restartJournal.raiseSequence(lastSequence)
      damage.settle()
    } catch (error) {
      log.error(
        { err: error },
        'the sequence could not be stored; it is retried at the next connection',
      )
    }
  }
  const refusalIfRecordsLost = () =>
    damage.entries().length > 0 ? refuse('busy', RECORDS_LOST).refusal : null

  const pin: Pin = {
    fingerprint: () => enrollment().fingerprint,
    inspectCertificate(shown, certificate) {
      const next = follow(enrollment(), statementsOf(certificate))
      // Use the new key only once the hub presents it: the TLS handshake then proves it.
      if (next === enrollment() || next.fingerprint !== shown) return
      identity.setEnrollment(next)
      log.info({ generation: next.generation, epoch: next.epoch }, 'the controller has new keys')
    },
  }

  const link = createLink({
    enrollment,
    pin,
    sign: identity.sign,
    hello: () => ({
      last_sequence: Math.max(journal.highestSequence(), restarts.highestSequence()),
      restart: restartAbility,
      rule_types: RULE_TYPES_READ,
      attempts: journal.held(),
      hardware_id: options.hardwareId,
      ...(damage.entries().length > 0 ? { damaged: damage.entries() } : {}),
      facts: facts(),
    }),
    keeper: identity,
    onCommand: (event, body) => refusalIfRecordsLost() ?? runner.command(event, body),
    requests: {
      inspect_device: createInspect({
        enrollment,
        installers,
        journal,
        conditions,
        diskFolder: installRoot ?? folder.path,
        clock,
      }),
      update_agent: (body) => Promise.resolve(refusalIfRecordsLost() ?? updater.command(body)),
      restart_device: async (body) =>
        refusalIfRecordsLost()
          ? { result: 'busy', message: compose(RECORDS_LOST) }
          : restarts.answer(body),
    },
    onReady(address, welcome, lastSequence) {
      raiseSequences(lastSequence)
      const merged = mergeAddresses([address], welcome.addresses, enrollment().addresses)
      if (merged.join() !== enrollment().addresses.join())
        identity.setEnrollment({ ...enrollment(), addresses: merged })
      if (options.hardwareId !== null && options.hardwareId !== identity.hardwareId())
        identity.setHardwareId(options.hardwareId)
      writeStatus(address)
      updater.linked()
      log.info({ address }, 'connected')
      noLink = null
      options.onConnected(address)
      inventory.connected(welcome.inventory_hash)
    },
    onLost(why) {
      inventory.disconnected()
      updater.unlinked()
      writeStatus(null)
      log.info({ why }, 'the link is lost')
      options.onLost(why)
    },
    onNoLink(address, why) {
      const text = `${address}: ${why}`
      // Retried for weeks, so write the status only when the reason changes.
      if (text !== noLink) writeStatus(null, (noLink = text))
    },
    find: (signal) => findHub(enrollment().fingerprint, signal, options),
    ...(options.linkTimings ? { timings: options.linkTimings } : {}),
    clock,
    random,
    log,
  })

  const inventory = createInventory({
    file: folder.inventoryFile,
    collect: createCollector({ reader: createReader(installRoot), log }),
    facts,
    report: (body) => link.report('inventory_report', body),
    clock,
    random,
    log,
  })

  async function source(url: string, fetchSignal: AbortSignal): Promise<Source> {
    if (!url.startsWith('/')) return { url }
    const { signal, abort, release } = linkedSignal(fetchSignal)
    const cancelTimer = clock.setTimer(HUB_TIMEOUT_MS, () =>
      abort(new Error('the hub did not come back')),
    )
    try {
      await link.whenReady(signal)
    } finally {
      cancelTimer()
      release()
    }
    return { url: `https://${link.address()}${url}`, connect: createPinnedConnect(pin, clock) }
  }

  const runner = createRunner({
    journal,
    installers,
    supervisor: createSupervisorClient({ self: selfCommand(), clock, log }),
    conditions,
    source,
    timings: { ...ATTEMPT_TIMINGS, ...options.attemptTimings },
    clock,
    random,
    log,
    reporter: link,
    enrollment,
    folders: folder,
    hasLostRecords: damage.entries().length > 0,
    isRestarting: restarts.isImminent,
    stopped,
    onEnded() {
      reportFacts()
      inventory.collectSoon()
    },
  })
  const updater = createUpdater({
    places: placesOf(process.execPath),
    obstacle: updateObstacle(),
    ownVersion: AGENT_VERSION,
    ownFileName: ownFileName(),
    recordFile: folder.updateFile,
    damage,
    statePath: folder.path,
    enrollment,
    journal,
    hold: () => runner.hold(),
    source,
    stopped,
    onSwapped: options.onReplaced,
    reportFacts,
    clock,
    random,
    log,
  })

  writeStatus(null)
  updater.start()
  // On other hardware, or if the hardware is unknown, this may be a copy of another PC's disk: leave that
  // PC's attempts alone until the hub has accepted this agent as the device.
  if (options.hardwareId !== null && options.hardwareId === identity.hardwareId()) runner.start()
  else
    void link.whenReady(stopped).then(
      () => runner.start(),
      () => undefined,
    )
  try {
    await link.keep(stopped)
  } finally {
    stopping.abort(new Error('the agent is stopping'))
    stopping.release()
    inventory.disconnected()
    writeStatus(null)
    journal.close()
    restartJournal.close()
  }
}
