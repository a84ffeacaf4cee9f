/**
 * Updates the agent to another version: verifies and stores an order, downloads and tests the executable, and
 * replaces the current one when nothing is being installed. The program that starts the agent
 * (start-script.ts, windows-helper/helper.c) rolls back if the new version does not keep running, or does not
 * reach the hub in time. ADR 0015 explains the design.
 */
import { coded, type CodedText } from '#shared/domain/coded-texts/codes.ts'
import { existsSync } from 'node:fs'
import type { CommandReply } from '#shared/contract/agent/link.ts'
import {
  AGENT_DOWNLOAD_PATH,
  type SelfUpdateFacts,
  type UpdatePayload,
} from '#shared/contract/agent/update.ts'
import { isNewer } from '#shared/domain/agent-version.ts'
import type { Cancel, Clock } from '#shared/node/clock.ts'
import type { Random } from '#shared/node/random.ts'
import { DownloadError, type Source } from '../download/download.ts'
import type { Enrollment } from '../identity/identity.ts'
import type { Damage } from '../journal/damage.ts'
import type { Journal } from '../journal/journal.ts'
import { errorText } from '../lib/atomic-file.ts'
import type { Log } from '../lib/log.ts'
import { openUpdate, refuse, type Refusal } from '../link/envelope.ts'
import type { Places, UpdateObstacle } from './places.ts'
import {
  accepted,
  atStart,
  done,
  factsOf,
  failed,
  isBarred,
  openRecordFile,
  swapping,
  type Order,
} from './record.ts'
import { proveFile, stage, UpdateError } from './stage.ts'
import { endTrial, readVerdict, swapIn } from './swap.ts'

/**
 * A link that lasted this long confirms the new version; one that dies right after its first link is rolled
 * back.
 */
const PROVEN_AFTER_MS = 15_000
const IDLE_CHECK_MS = 2_000
/** If the PC is busy all this time, the controller retries on another day. */
const IDLE_TIMEOUT_MS = 2 * 3_600_000

const failureText = (error: unknown): CodedText =>
  error instanceof UpdateError || error instanceof DownloadError
    ? error.text
    : coded('update_failed', { error: errorText(error) })

export type Updater = {
  facts: () => SelfUpdateFacts
  /** Handles an order as received. An accepted order is on disk when this returns. Never throws. */
  command: (body: unknown) => CommandReply
  /**
   * Called once at the start, before the first link: settles the outcome of the last order and resumes an
   * unfinished one.
   */
  start: () => void
  /** A link was established, or has ended. */
  linked: () => void
  unlinked: () => void
}

export function createUpdater(deps: {
  places: Places
  /** Why it cannot be updated at all, or null. */
  obstacle: UpdateObstacle | null
  ownVersion: string
  /** The only file that fits this PC. */
  ownFileName: string
  recordFile: string
  damage: Pick<Damage, 'note'>
  statePath: string
  enrollment: () => Enrollment
  journal: Pick<Journal, 'highestSequence' | 'raiseSequence'>
  /** See Runner.hold. */
  hold: () => (() => void) | null
  source: (url: string, signal: AbortSignal) => Promise<Source>
  stopped: AbortSignal
  /** The new executable is in place, so this program has to end. */
  onSwapped: () => void
  /** The facts have changed; they are sent to the hub now or with the next link. */
  reportFacts: () => void
  clock: Clock
  random: Random
  log: Log
}): Updater {
  const { places, log, clock, stopped, ownVersion } = deps
  const record = openRecordFile(deps.recordFile, deps.damage)
  let isWorking = false
  let stopProving: Cancel | undefined

  function end(next: ReturnType<typeof failed>): void {
    record.set(next)
    const { last } = next
    if (last?.state === 'failed') log.warn({ ...last }, 'an update of the agent failed')
    else log.info({ ...last }, 'the agent was updated')
    deps.reportFacts()
  }

  async function waitUntilIdle(): Promise<() => void> {
    const until = clock.monotonicMs() + IDLE_TIMEOUT_MS
    for (;;) {
      stopped.throwIfAborted()
      const release = deps.hold()
      if (release) return release
      if (clock.monotonicMs() > until) throw new UpdateError(coded('update_pc_busy', {}))
      await clock.sleep(IDLE_CHECK_MS, stopped)
    }
  }

  /** From the order to the replaced executable. */
  async function carryOut(order: Order): Promise<void> {
    const { statePath, source, random } = deps
    await stage({ places, order, statePath, source, signal: stopped, clock, random })
    const release = await waitUntilIdle()
    try {
      proveFile(places.next, order)
      record.set(swapping(record.get()))
      swapIn(places, process.platform === 'win32')
    } catch (error) {
      release()
      throw error
    }
    log.info({ version: order.version }, 'the next start runs another version')
    deps.onSwapped()
  }

  function work(order: Order): void {
    // The same one again: its answer was lost.
    if (isWorking) return
    isWorking = true
    carryOut(order)
      .catch((error: unknown) => {
        // The next start resumes it.
        if (stopped.aborted) return
        end(failed(record.get(), failureText(error)))
        endTrial(places)
      })
      .catch((error: unknown) =>
        log.error({ err: error }, 'the end of an update could not be stored'),
      )
      .finally(() => (isWorking = false))
  }

  /** Why a genuine order is not carried out. */
  function objection(order: UpdatePayload): { ok: false; refusal: Refusal } | null {
    const { version, file_name, url } = order
    if (deps.obstacle !== null) return refuse('unsupported', deps.obstacle)
    if (file_name !== deps.ownFileName || url !== AGENT_DOWNLOAD_PATH + file_name)
      return refuse('unsupported', coded('update_for_other_pc', { file: file_name }))
    if (!isNewer(version, ownVersion))
      return refuse('unsupported', coded('update_not_newer', { version, own: ownVersion }))
    if (isBarred(record.get(), version))
      return refuse('unsupported', coded('update_rolled_back', { version }))
    const { phase, order: present } = record.get()
    if (phase === 'swapping' || (present && present.sha256 !== order.sha256))
      return refuse('busy', coded('update_under_way', { version: present?.version ?? version }))
    return null
  }

  function decide(body: unknown): CommandReply {
    const opened = openUpdate(body, deps.enrollment(), deps.journal.highestSequence())
    if (!opened.ok) return opened.refusal
    const { payload } = opened
    const no = objection(payload)
    if (no) return no.refusal
    const { sequence, version, file_name, sha256, size_bytes, url } = payload
    const order: Order = { sequence, version, file_name, sha256, size_bytes, url }
    deps.journal.raiseSequence(sequence)
    record.set(accepted(record.get(), order, ownVersion))
    log.info({ version }, 'an update of the agent is ordered')
    work(order)
    return { accepted: true }
  }

  function prove(): void {
    const present = record.get()
    // An agent that has just replaced its executable must not end the trial of the new one.
    if (stopped.aborted || present.phase === 'fetching') return
    if (present.phase === 'swapping' && present.order?.version !== ownVersion) return
    try {
      if (present.phase === 'swapping' || existsSync(places.trial)) endTrial(places)
      if (present.phase === 'swapping') end(done(present))
    } catch (error) {
      log.error({ err: error }, 'the update could not be concluded; the next link tries again')
    }
  }

  return {
    facts: () => factsOf(record.get(), deps.obstacle),

    command(body) {
      try {
        const reply = decide(body)
        if (!reply.accepted) log.warn({ event: 'update_agent', ...reply }, 'an order is refused')
        return reply
      } catch (error) {
        log.error({ err: error }, 'an order could not be stored')
        return refuse('busy', coded('order_not_stored', { error: errorText(error) })).refusal
      }
    },

    start() {
      // If the agent cannot be updated in its place, touch nothing.
      if (deps.obstacle !== null) return
      try {
        const before = record.get()
        const now = atStart(before, ownVersion, readVerdict(places))
        if (now !== before) {
          record.set(now)
          log.info({ ...now.last, phase: now.phase }, 'an update of the agent is resumed')
        }
        if (before.phase !== 'idle' && now.phase === 'idle') endTrial(places)
        if (now.phase === 'fetching') work(now.order!)
      } catch (error) {
        log.error({ err: error }, 'the state of an update could not be settled')
      }
    },

    linked() {
      stopProving?.()
      if (deps.obstacle !== null) return
      stopProving = clock.setTimer(PROVEN_AFTER_MS, prove)
    },
    unlinked: () => stopProving?.(),
  }
}
