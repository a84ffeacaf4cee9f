/** Accepts commands and processes them one after another: never two installers at the same time on one PC. */
import { coded } from '#shared/domain/coded-texts/codes.ts'
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { CommandReply, DeploymentResult } from '#shared/contract/agent/link.ts'
import { AttemptId } from '#shared/domain/ids.ts'
import type { Enrollment } from '../identity/identity.ts'
import type { StateFolder } from '../identity/state-folder.ts'
import { packageFileName } from '../install/package-name.ts'
import { errorCode, errorText, renameDurably } from '../lib/atomic-file.ts'
import { isAlive } from '../lib/processes.ts'
import { setAside } from '../lib/set-aside.ts'
import { createBackoff } from '../lib/wait.ts'
import { openCommand, refuse, type CommandEvent } from '../link/envelope.ts'
import type { Reporter } from '../link/reporter.ts'
import { forgetCommand, readSupervisor } from '../supervisor/files.ts'
import { runAttempt, type AttemptDeps } from './attempt.ts'
import { failure, type Deferral, type Outcome } from './conclude.ts'
import { createDeferrals } from './deferrals.ts'
import { namesOf } from './names.ts'
import { createOutbox } from './outbox.ts'
import { withoutSecrets } from './secrets.ts'
import { createOutputStream, type OutputStream } from './output.ts'
import { clearWork, foldersOfAttempt } from './folders.ts'
import { createProgress } from './progress.ts'

/**
 * Attempts that may wait for their turn, and results that may wait for the hub. Any more are refused as
 * `busy`.
 */
const OPEN_LIMIT = 100
const HELD_LIMIT = 1_000
/** Unexpected errors of the agent itself within one attempt before the attempt fails. */
const ERROR_LIMIT = 3
const RETRY_MIN_MS = 1_000
const RETRY_MAX_MS = 60_000

export type Runner = {
  /** Resumes what was open when the agent last ended, and sends unacknowledged results. */
  start: () => void
  /** Handles a command as received. An accepted command is on disk when this returns. Never throws. */
  command: (event: CommandEvent, body: unknown) => CommandReply
  /**
   * For work that must not coincide with an installer: accepts nothing new until the returned function is
   * called. Null if attempts are waiting or running.
   */
  hold: () => (() => void) | null
}

export function createRunner(
  deps: AttemptDeps & {
    reporter: Reporter
    enrollment: () => Enrollment
    folders: Pick<StateFolder, 'attemptsDir' | 'workDir'>
    /** The journal may have lost attempts, so keep the folders of unknown ones. */
    hasLostRecords: boolean
    /** This PC is about to restart. */
    isRestarting: () => boolean
    stopped: AbortSignal
    /** Called after every end of an attempt. */
    onEnded: () => void
  },
): Runner {
  const { journal, reporter, clock, random, log, stopped, folders } = deps
  const { attemptsDir } = folders
  const cancels = new Map<AttemptId, AbortController>()
  const outputs = new Map<AttemptId, OutputStream>()
  let isRunning = false
  let isHeld = false

  const folderOf = (id: AttemptId): string => join(attemptsDir, id)
  /** One stream per attempt, opened when it is first needed. */
  function outputOf(id: AttemptId): OutputStream {
    const open = outputs.get(id)
    if (open) return open
    const names = namesOf(journal.attempt(id)!.payload)
    const stream = createOutputStream(folderOf(id), names, deps)
    outputs.set(id, stream)
    return stream
  }
  const outbox = createOutbox({
    journal,
    reporter,
    folders,
    stopped,
    clock,
    random,
    log,
    outputOf,
    forget(id) {
      outputs.get(id)?.close()
      outputs.delete(id)
    },
  })

  const deferrals = createDeferrals({ journal, reporter, folders, stopped, clock, random, log })

  /**
   * Continues until there is an outcome. Retries after errors of the agent itself; after a few, the attempt
   * fails.
   */
  async function outcomeOf(id: AttemptId): Promise<Outcome | Deferral> {
    const cancel = new AbortController()
    cancels.set(id, cancel)
    if (journal.attempt(id)!.isCanceled) cancel.abort()
    const { payload } = journal.attempt(id)!
    for (let errors = 0; ;) {
      const progress = createProgress(namesOf(payload), deps)
      try {
        return await runAttempt(deps, {
          id,
          folders: foldersOfAttempt(folders, id),
          progress,
          output: () => outputOf(id),
          canceled: cancel.signal,
          stopped,
        })
      } catch (error) {
        stopped.throwIfAborted()
        log.error({ err: error, attempt: id }, 'an error occurred in an attempt')
        const supervisor = readSupervisor(folderOf(id))
        // While its installer is alive, the attempt is not over, whatever happens here.
        if (++errors >= ERROR_LIMIT && !(supervisor && isAlive(supervisor)))
          return failure(
            errorCode(error) === 'ENOSPC' ? 'disk_space' : 'internal',
            coded('agent_failed', { error: errorText(error) }),
          )
        await clock.sleep(Math.min(RETRY_MAX_MS, RETRY_MIN_MS * errors), stopped)
      } finally {
        progress.stop()
      }
    }
  }

  /** The result must be on disk before anything else happens; waits while the disk is full. */
  async function storeResult(id: AttemptId, result: DeploymentResult): Promise<void> {
    const backoff = createBackoff(random, RETRY_MIN_MS, RETRY_MAX_MS)
    for (;;) {
      try {
        return journal.end(id, result)
      } catch (error) {
        log.error({ err: error, attempt: id }, 'a result cannot be stored yet')
        await clock.sleep(backoff.nextMs(), stopped)
        stopped.throwIfAborted()
      }
    }
  }

  async function work(id: AttemptId): Promise<void> {
    const { payload } = journal.attempt(id)!
    const outcome = await outcomeOf(id)
    if (outcome.status === 'deferred') {
      cancels.delete(id)
      log.info({ attempt: id, held_by: outcome.deferReason }, 'an attempt is deferred')
      return deferrals.add(id, outcome.deferReason)
    }
    await storeResult(id, { ...namesOf(payload), ...withoutSecrets(outcome, payload) })
    cancels.delete(id)
    forgetArguments(id)
    const { status, reason, exit_code } = outcome
    log.info({ attempt: id, status, reason, exit_code }, 'an attempt has ended')
    const packageName = packageFileName(payload.file_name, payload.kind)
    // On Windows a left-behind program keeps its folder in use; the end of the attempt does not wait for it.
    await clearWork(foldersOfAttempt(folders, id), packageName).catch((error: unknown) =>
      log.warn({ err: error, attempt: id }, 'the package could not be removed yet'),
    )
    outbox.add(id)
    deps.onEnded()
  }

  /** The installer has ended, so its stored command is no longer needed. */
  function forgetArguments(id: AttemptId): void {
    try {
      forgetCommand(folderOf(id))
    } catch (error) {
      log.warn(
        { err: error, attempt: id },
        'the arguments of an ended attempt could not be removed yet',
      )
    }
  }

  function nextOpen(): AttemptId | undefined {
    const open = journal.open().filter((id) => !deferrals.has(id))
    // An attempt whose installer may be running comes first: nothing else may be installed before it has
    // ended.
    return open.find((id) => journal.attempt(id)!.step === 'installing') ?? open[0]
  }

  async function pump(): Promise<void> {
    if (isRunning) return
    isRunning = true
    try {
      // Never two installers at the same time, even if the journal was lost while one ran.
      while (!stopped.aborted && journal.open().length > 0 && isUnknownInstallerRunning())
        await clock.sleep(RETRY_MIN_MS, stopped)
      for (let id = nextOpen(); id !== undefined && !stopped.aborted; id = nextOpen())
        await work(id)
    } catch (error) {
      if (!stopped.aborted) log.error({ err: error }, 'the queue has stopped')
    } finally {
      isRunning = false
    }
  }

  /** Moves the records of attempts that the journal has lost to one place, for later analysis. */
  function setAsideForgotten(names: readonly string[]): void {
    if (names.length === 0) return
    const gathered = join(dirname(attemptsDir), 'attempts-forgotten')
    mkdirSync(gathered, { recursive: true, mode: 0o700 })
    for (const name of names) renameDurably(join(attemptsDir, name), join(gathered, name))
    setAside(gathered)
  }

  /** Whether an installer is running that the journal does not know, because its record was lost. */
  const isUnknownInstallerRunning = (): boolean =>
    existsSync(attemptsDir) &&
    readdirSync(attemptsDir).some((name) => {
      const id = AttemptId.safeParse(name)
      if (id.success && journal.attempt(id.data)) return false
      const supervisor = readSupervisor(join(attemptsDir, name))
      return supervisor !== null && isAlive(supervisor)
    })

  /** Removes folders of unknown attempts, unless a supervisor is still alive in one. */
  function tidyFolders(): void {
    const forgotten: string[] = []
    const isKnown = (name: string): boolean => {
      const id = AttemptId.safeParse(name)
      return id.success && journal.attempt(id.data) !== undefined
    }
    for (const dir of [folders.workDir, attemptsDir])
      for (const name of existsSync(dir) ? readdirSync(dir) : []) {
        const supervisor = readSupervisor(join(attemptsDir, name))
        if (isKnown(name) || (supervisor && isAlive(supervisor))) continue
        try {
          if (deps.hasLostRecords && dir === attemptsDir) forgotten.push(name)
          else rmSync(join(dir, name), { recursive: true, force: true })
        } catch (error) {
          log.warn({ err: error, name }, 'an old folder could not be removed yet')
        }
      }
    try {
      setAsideForgotten(forgotten)
    } catch (error) {
      log.warn({ err: error }, 'records of unknown attempts could not be set aside')
    }
  }

  /**
   * The records of an attempt are created before its download is recorded. If they are missing, part of the
   * journal may be missing too, and it is not certain that nothing ran.
   */
  function treatMissingAsStarted(): void {
    for (const id of journal.open())
      if (journal.attempt(id)!.step === 'downloading' && !existsSync(folderOf(id))) {
        log.error({ attempt: id }, 'the records of an attempt are missing; it counts as started')
        journal.step(id, 'installing')
      }
  }

  function decide(event: CommandEvent, body: unknown): CommandReply {
    const opened = openCommand(body, deps.enrollment(), journal.highestSequence())
    if (!opened.ok) return opened.refusal
    const { payload } = opened
    const id = payload.attempt_id
    const attempt = journal.attempt(id)
    const done = journal.done(id)
    if ((event === 'cancel_deployment') !== (payload.action === 'cancel'))
      return refuse('malformed', coded('command_mismatched', { event })).refusal
    if (payload.action === 'cancel') {
      if (!attempt && !done) return refuse('unknown_attempt', coded('attempt_unknown', {})).refusal
      journal.raiseSequence(payload.sequence)
      // A running installer continues; only waiting for its left-behind processes ends.
      if (attempt && !attempt.result && !attempt.isCanceled) {
        journal.cancel(id)
        cancels.get(id)?.abort()
        if (deferrals.end(id)) void pump()
      }
      return { accepted: true }
    }
    // A condition of this moment: nothing is stored, and the hub asks again.
    const deferReason =
      attempt && !deferrals.has(id) ? null : deps.conditions.lastDeferReason(payload.conditions)
    if (deferReason && !done) return refuse(deferReason, coded(`pc_${deferReason}`, {})).refusal
    if (attempt || done) {
      journal.raiseSequence(payload.sequence)
      if (done) outbox.resend(done)
      if (deferrals.end(id)) void pump()
      return { accepted: true }
    }
    if (deps.isRestarting()) return refuse('busy', coded('pc_restarting', {})).refusal
    if (!deps.installers.kinds.includes(payload.kind))
      return refuse('unsupported', coded('kind_unsupported', { kind: payload.kind })).refusal
    if (isHeld) return refuse('busy', coded('agent_restarting', {})).refusal
    if (journal.open().length >= OPEN_LIMIT || journal.held().length >= HELD_LIMIT)
      return refuse('busy', coded('too_many_attempts', {})).refusal
    journal.accept(payload)
    log.info({ attempt: id, software: payload.software_name }, 'a command is accepted')
    void pump()
    return { accepted: true }
  }

  return {
    start() {
      treatMissingAsStarted()
      tidyFolders()
      for (const id of journal.held())
        if (journal.attempt(id)!.result) {
          forgetArguments(id)
          outbox.add(id)
        }
      void pump()
    },
    hold() {
      if (isHeld || isRunning || journal.open().length > 0) return null
      isHeld = true
      return () => void (isHeld = false)
    },
    command(event, body) {
      try {
        const reply = decide(event, body)
        if (!reply.accepted) log.warn({ event, ...reply }, 'a command is refused')
        return reply
      } catch (error) {
        log.error({ err: error, event }, 'a command could not be stored')
        return refuse('busy', coded('command_not_stored', { error: errorText(error) })).refusal
      }
    },
  }
}
