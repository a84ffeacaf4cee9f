/** All the wiring of an enrolled agent. */
import { existsSync, mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Source } from './download/download.ts'
import { ATTEMPT_TIMINGS, type AttemptTimings } from './attempts/attempt.ts'
import { createInspect } from './attempts/inspect.ts'
import { createRunner } from './attempts/runner.ts'
import { findHub } from './discovery/find-hub.ts'
import { gatherFacts } from './facts/facts.ts'
import type { Enrollment, Identity } from './identity/identity.ts'
import type { StateFolder } from './identity/state-folder.ts'
import { follow, statementsOf } from './identity/succession.ts'
import { createInstallers } from './install/create-installers.ts'
import { openJournal } from './journal/journal.ts'
import { errorText, writeDurably } from './lib/atomic-file.ts'
import type { Log } from './lib/log.ts'
import { linkedSignal } from './lib/wait.ts'
import { selfCommand } from './lib/self.ts'
import { mergeAddresses } from './link/enroll.ts'
import { createLink, type LinkTimings } from './link/link.ts'
import { createPinnedAgent, type Pin } from './link/pinned-agent.ts'
import { openRestartJournal } from './restart/restart-journal.ts'
import { createRestarts } from './restart/restarts.ts'
import { systemRestartTools, type RestartTools } from './restart/tools.ts'
import { createSupervisorClient } from './supervisor/client.ts'

/** A package from the hub waits so long for the hub to come back. */
const HUB_PATIENCE_MS = 24 * 3_600_000

export type AgentOptions = {
  folder: StateFolder
  identity: Identity
  /** A folder that is installed into instead of this PC. */
  installRoot: string | null
  /** See facts/hardware.ts. */
  hardwareId: string | null
  /** Given by tests alone: what stands for the platform's own means of restarting. */
  restartTools?: RestartTools
  linkTimings?: Partial<LinkTimings>
  attemptTimings?: Partial<AttemptTimings>
  onConnected: (address: string) => void
  onLost: (why: string) => void
  log: Log
}

/**
 * Runs until the signal fires. Installers that are at work then go on; the next start takes them up.
 * @throws NotWantedError when the hub sends this agent away, SplitError when it has become another device
 */
export async function runAgent(options: AgentOptions, signal: AbortSignal): Promise<void> {
  const stopping = linkedSignal(signal)
  const stopped = stopping.signal
  const { folder, identity, log } = options
  const enrollment = (): Enrollment => identity.enrollment()!
  const installRoot = options.installRoot === null ? null : resolve(options.installRoot)
  if (installRoot !== null && !existsSync(installRoot)) mkdirSync(installRoot, { recursive: true })
  const installers = createInstallers(installRoot)
  const journal = openJournal(folder.journalFile, log)
  const restartTools = options.restartTools ?? systemRestartTools(installRoot)
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
  const facts = () => gatherFacts(identity.name(), installRoot ?? folder.path)

  /** For the `status` command, which another process asks. */
  function note(connectedTo: string | null): void {
    try {
      const since = new Date().toISOString()
      writeDurably(folder.statusFile, JSON.stringify({ connected_to: connectedTo, since }))
    } catch (error) {
      log.warn({ why: errorText(error) }, 'the status could not be written')
    }
  }

  const pin: Pin = {
    fingerprint: () => enrollment().fingerprint,
    meet(shown, certificate) {
      const next = follow(enrollment(), statementsOf(certificate))
      // A successor counts once it is there itself: its key was proven by the TLS handshake.
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
      attempts: journal.held(),
      hardware_id: options.hardwareId,
      facts: facts(),
    }),
    keeper: identity,
    onCommand: (event, body) => runner.command(event, body),
    questions: {
      inspect_device: createInspect({
        enrollment,
        installers,
        journal,
        diskFolder: installRoot ?? folder.path,
      }),
      restart_device: restarts.answer,
    },
    onReady(address, addresses) {
      const merged = mergeAddresses([address], addresses, enrollment().addresses)
      if (merged.join() !== enrollment().addresses.join())
        identity.setEnrollment({ ...enrollment(), addresses: merged })
      if (options.hardwareId !== null && options.hardwareId !== identity.hardwareId())
        identity.setHardwareId(options.hardwareId)
      note(address)
      log.info({ address }, 'connected')
      options.onConnected(address)
    },
    onLost(why) {
      note(null)
      log.info({ why }, 'the link is lost')
      options.onLost(why)
    },
    find: (signal) => findHub(enrollment().fingerprint, signal, log),
    ...(options.linkTimings ? { timings: options.linkTimings } : {}),
    log,
  })

  async function source(url: string, fetchSignal: AbortSignal): Promise<Source> {
    if (!url.startsWith('/')) return { url }
    await link.whenReady(AbortSignal.any([fetchSignal, AbortSignal.timeout(HUB_PATIENCE_MS)]))
    const agent = createPinnedAgent(pin)
    return { url: `https://${link.address()}${url}`, agent }
  }

  const runner = createRunner({
    journal,
    installers,
    supervisor: createSupervisorClient({ self: selfCommand(), log }),
    source,
    timings: { ...ATTEMPT_TIMINGS, ...options.attemptTimings },
    log,
    reporter: link,
    enrollment,
    attemptsDir: folder.attemptsDir,
    isRestarting: restarts.isNear,
    stopped,
    onEnded: () => void link.report('inventory_report', { facts: facts() }).catch(() => undefined),
  })

  note(null)
  // On other hardware, or where that cannot be told, this may be a copy of another PC's disk: what that one was at is left
  // alone until the hub has taken this agent for it.
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
    note(null)
    journal.close()
    restartJournal.close()
  }
}
