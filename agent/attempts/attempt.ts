/**
 * One attempt from its command to its result: detection, disk space, download, installer, detection. Every
 * step is in the journal before it is taken, so the same function continues after any crash. The installer is
 * started at most once: the supervisor's claim on the folder decides that, not the memory of this process.
 */
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { coded } from '#shared/domain/coded-texts/codes.ts'
import { isArchiveKind } from '#shared/domain/archives.ts'
import { neededDiskBytes } from '#shared/domain/disk.ts'
import type { AttemptId } from '#shared/domain/ids.ts'
import type { Clock } from '#shared/node/clock.ts'
import type { Random } from '#shared/node/random.ts'
import type { Conditions } from '../conditions/conditions.ts'
import { ArchiveError, asRun, extractJob, removeExtracted } from '../archive/extract.ts'
import { restartRequestedSince, restartMarkers } from '../detect/reboot.ts'
import { downloadPackage, DownloadError, type Source } from '../download/download.ts'
import { freeDiskBytes } from '../facts/facts.ts'
import {
  needsPackage,
  type Installers,
  type Job,
  type Prepared,
  type Presence,
} from '../install/installers.ts'
import { packageFileName } from '../install/package-name.ts'
import type { Journal } from '../journal/journal.ts'
import { createOnce, errorText } from '../lib/atomic-file.ts'
import type { Log } from '../lib/log.ts'
import { linkedSignal } from '../lib/wait.ts'
import type { Ending, SupervisorClient } from '../supervisor/client.ts'
import { attemptFiles, readSpec } from '../supervisor/files.ts'
import {
  conclude,
  failure,
  isSuccess,
  outcomeIfNothingToDo,
  withMessage,
  type Deferral,
  type Outcome,
} from './conclude.ts'
import { installerEnvironment } from './environment.ts'
import { waitForLeftBehind } from './left-behind.ts'
import { lastLines } from './output-file.ts'
import type { OutputStream } from './output.ts'
import { makeFolders, type AttemptFolders } from './folders.ts'
import type { Progress } from './progress.ts'

const LAST_LINES_BYTES = 8 * 1024
/**
 * How many supervisors are started for one attempt, each only after the previous one provably started
 * nothing.
 */
const START_LIMIT = 3

export type AttemptTimings = { idleTimeoutMs: number; killGraceMs: number }
export const ATTEMPT_TIMINGS: AttemptTimings = { idleTimeoutMs: 60_000, killGraceMs: 10_000 }

export type AttemptDeps = {
  journal: Journal
  installers: Installers
  supervisor: SupervisorClient
  conditions: Conditions
  /** The source of a package address; waits for the hub if the hub serves it. */
  source: (url: string, signal: AbortSignal) => Promise<Source>
  timings: AttemptTimings
  clock: Clock
  random: Random
  log: Log
}
export type AttemptRun = {
  id: AttemptId
  folders: AttemptFolders
  progress: Progress
  output: () => OutputStream
  /** Fires when a user has cancelled. */
  canceled: AbortSignal
  /** Fires when the agent stops; the next start continues the attempt. */
  stopped: AbortSignal
}

const CANCELED: Outcome = {
  status: 'skipped',
  reason: 'canceled',
  ...withMessage(coded('canceled_on_pc', {})),
}

const asMegabytes = (bytes: number): number => Math.ceil(bytes / 1024 / 1024)

export async function runAttempt(deps: AttemptDeps, run: AttemptRun): Promise<Outcome | Deferral> {
  const { journal, installers, supervisor, log } = deps
  const { id, folders, progress, output } = run
  const { records, work } = folders
  const attempt = journal.attempt(id)!
  const { payload } = attempt
  const { detection } = payload
  const wasInstalling = attempt.step === 'installing'
  const job: Job = {
    payload: asRun(payload),
    packageFile: needsPackage(payload)
      ? join(work, packageFileName(payload.file_name, payload.kind))
      : null,
    folder: work,
    temporary: folders.temporary,
  }
  const watched = {
    attempt_id: id,
    timeout_seconds: payload.timeout_seconds,
    grace_ms: deps.timings.killGraceMs,
  }
  const appendOutput = (line: string): void =>
    appendFileSync(attemptFiles(records).output, `[deployx] ${line}\n`, { mode: 0o600 })
  const presenceNow = async (): Promise<Presence | null> =>
    detection === null ? null : installers.detect(detection)

  function checkDisk(): Outcome | null {
    // The work folder; the records may be on another file system.
    const free = freeDiskBytes(work)
    const needed = neededDiskBytes(payload.size_bytes ?? 0, payload.archive?.expanded_bytes)
    if (free === null || free >= needed) return null
    return failure(
      'disk_space',
      coded('disk_space', { needed: asMegabytes(needed), free: asMegabytes(free) }),
    )
  }

  async function fetchPackage(file: string): Promise<Outcome | null> {
    const tooLittle = checkDisk()
    if (tooLittle) return tooLittle
    if (attempt.step === 'accepted') journal.step(id, 'downloading')
    const sizeBytes = payload.size_bytes
    const total = sizeBytes === null ? {} : { total_bytes: sizeBytes }
    const { signal, release } = linkedSignal(run.stopped, run.canceled)
    progress.set({ phase: 'downloading', bytes: 0, ...total })
    try {
      await downloadPackage({
        file,
        sizeBytes,
        sha256: payload.sha256,
        source: (fetchSignal) => deps.source(payload.url, fetchSignal),
        onProgress: (bytes) => progress.set({ phase: 'downloading', bytes, ...total }),
        onVerifying: () =>
          progress.set({
            phase: 'verifying',
            ...(sizeBytes !== null && { bytes: sizeBytes, total_bytes: sizeBytes }),
          }),
        idleTimeoutMs: deps.timings.idleTimeoutMs,
        signal,
        clock: deps.clock,
        random: deps.random,
      })
      return null
    } catch (error) {
      run.stopped.throwIfAborted()
      if (run.canceled.aborted) return CANCELED
      if (error instanceof DownloadError) return failure(error.reason, error.text)
      throw error
    } finally {
      release()
    }
  }

  /**
   * Never applies to an installer that is running, or that may have been started before a crash.
   */
  async function checkConditions(): Promise<Deferral | null> {
    if (wasInstalling || readSpec(records) !== null) return null
    const deferReason = await deps.conditions.deferReason(payload.conditions)
    return deferReason && !run.canceled.aborted ? { status: 'deferred', deferReason } : null
  }

  /** The archive's contents, ready to run. */
  async function extracted(start: number): Promise<Job | Outcome> {
    // A supervisor that was started just before a crash may be running extracted files.
    if (attempt.step !== 'installing' || start > 1) await removeExtracted(work)
    const { signal, release } = linkedSignal(run.stopped, run.canceled)
    progress.set({ phase: 'verifying' })
    try {
      return await extractJob(payload, job, signal)
    } catch (error) {
      run.stopped.throwIfAborted()
      if (run.canceled.aborted) return CANCELED
      if (error instanceof ArchiveError) return failure(error.reason, error.text)
      throw error
    } finally {
      release()
    }
  }

  /** The command, once other installers on the PC have ended; null: cancelled while waiting for them. */
  async function ready(runs: Job): Promise<Prepared | null> {
    const { signal, release } = linkedSignal(run.stopped, run.canceled)
    const onWait = (): void => progress.set({ phase: 'verifying', reason: 'device_busy' })
    try {
      return await installers.prepare({ ...runs, signal, onWait })
    } catch (error) {
      run.stopped.throwIfAborted()
      if (run.canceled.aborted) return null
      throw error
    } finally {
      release()
    }
  }

  /**
   * Everything before the installer. An outcome ends the attempt; null: the installer is being started.
   * @param start number of the supervisor of this attempt, from 1
   */
  async function begin(start: number): Promise<Outcome | Deferral | null> {
    if (run.canceled.aborted) return CANCELED
    const presence = await presenceNow()
    const nothing = presence === null ? null : outcomeIfNothingToDo(payload.action, presence)
    if (nothing) return nothing
    const deferral = await checkConditions()
    if (deferral) return deferral
    const failed = job.packageFile === null ? null : await fetchPackage(job.packageFile)
    if (failed) return failed
    const isPacked = isArchiveKind(payload.kind) && job.packageFile !== null
    const runs = isPacked ? await extracted(start) : job
    if ('status' in runs) return runs
    // A laptop may have been unplugged during the download.
    const deferredMeanwhile = job.packageFile === null ? null : await checkConditions()
    if (deferredMeanwhile) return deferredMeanwhile
    const prepared = await ready(runs)
    if (prepared === null) return CANCELED
    if (!prepared.ok) return failure(prepared.reason, prepared.text)
    if (run.canceled.aborted) return CANCELED
    supervisor.prepare(records, {
      ...watched,
      command: prepared.command,
      env: installerEnvironment(payload, folders.temporary, prepared.env),
      cwd: runs.cwd ?? work,
      start,
      restart_marks: restartMarkers(),
    })
    journal.step(id, 'installing', prepared.before)
    progress.set({ phase: 'installing' })
    supervisor.start(records)
    return null
  }

  /** If the rule does not confirm a success, the installer may have left a program that is still working. */
  async function presenceAfter(ending: Ending) {
    const presence = await presenceNow()
    const isSettled = (now: Presence | null): boolean =>
      now !== (payload.action === 'install' ? 'absent' : 'present')
    if (isSettled(presence) || !isSuccess(job.payload, ending)) return { presence, runsOn: false }
    return waitForLeftBehind(presence, {
      run,
      timeoutSeconds: payload.timeout_seconds,
      detect: presenceNow,
      isSettled,
      appendOutput,
      onTick: () => output().poll(),
      clock: deps.clock,
    })
  }

  async function finish(ending: Ending): Promise<Outcome> {
    const isClean = ending.kind === 'exited' && ending.exit.exit_code === 0
    const { before } = attempt
    const { output: outputFile, explained } = attemptFiles(records)
    if (!isClean && ending.kind !== 'not_started' && before)
      await installers
        .repair(job, before, appendOutput)
        .catch((error: unknown) => log.error({ err: error, attempt: id }, 'cleaning up failed'))
    try {
      if (!isSuccess(job.payload, ending) && createOnce(explained, '{}'))
        await installers.explain(job, appendOutput)
    } catch (error) {
      log.warn({ err: error, attempt: id }, "the installer's own log could not be read")
    }
    const { presence, runsOn } = await presenceAfter(ending)
    try {
      output().end(ending.kind === 'exited' ? ending.exit.omitted_bytes : 0)
    } catch (error) {
      log.warn({ err: error, attempt: id }, 'the end of the output could not be stored')
    }
    return conclude({
      payload: job.payload,
      ending,
      presence,
      runsOn,
      asksRestart:
        isSuccess(job.payload, ending) && restartRequestedSince(readSpec(records)?.restart_marks),
      effects: before?.effects,
      lastLines: lastLines(outputFile, LAST_LINES_BYTES),
    })
  }

  /** Runs until the installer has ended, or cannot be started. */
  async function complete(hasBegun: boolean): Promise<Outcome | Deferral> {
    let start = readSpec(records)?.start ?? 1
    for (let isUnderWay = hasBegun; ; isUnderWay = false) {
      const outcome = isUnderWay ? null : await begin(start)
      // A supervisor that was started just before a crash may still appear, so an outcome must also prevent
      // it from starting anything.
      if (outcome && (readSpec(records) === null || supervisor.forbid(records))) return outcome
      const ending = await supervisor.waitForEnd(
        records,
        watched,
        () => output().poll(),
        run.stopped,
      )
      if (ending.kind !== 'not_started' || start >= START_LIMIT) return finish(ending)
      log.warn({ attempt: id, start }, 'the supervisor ended before it started the installer')
      appendOutput('The installer was not started: its supervisor ended too early. Trying again.')
      start++
    }
  }

  try {
    makeFolders(folders)
  } catch (error) {
    return failure('internal', coded('state_folder_unusable', { error: errorText(error) }))
  }
  const hasBegun = wasInstalling && supervisor.hasBegun(records)
  if (hasBegun) {
    log.info({ attempt: id }, 'resuming an installer that was started before')
    progress.set({ phase: 'installing', reason: 'adopted' })
  }
  return complete(hasBegun)
}
