/**
 * Results on their way to the hub. Each stays in the journal and is sent again until the hub confirms that it
 * is committed.
 */
import type { DeploymentResult } from '#shared/contract/agent/link.ts'
import { RECONNECT_MAX_MS, RECONNECT_MIN_MS } from '#shared/domain/defaults.ts'
import type { AttemptId } from '#shared/domain/ids.ts'
import type { Clock } from '#shared/node/clock.ts'
import type { Random } from '#shared/node/random.ts'
import type { StateFolder } from '../identity/state-folder.ts'
import type { Journal } from '../journal/journal.ts'
import { errorText } from '../lib/atomic-file.ts'
import type { Log } from '../lib/log.ts'
import { createBackoff, linkedSignal } from '../lib/wait.ts'
import type { Reporter } from '../link/reporter.ts'
import type { OutputStream } from './output.ts'
import { removeFolders } from './folders.ts'

const PARALLEL = 4
/** Once the link is up, a result waits at most this long for the rest of its output. */
const OUTPUT_TIMEOUT_MS = 30_000

export type Outbox = {
  /** An attempt has ended: send its output, then its result. */
  add: (id: AttemptId) => void
  /** The hub requests a result that it had acknowledged. Sent once; if that fails, the hub will ask again. */
  resend: (result: DeploymentResult) => void
}

export function createOutbox(deps: {
  journal: Journal
  reporter: Reporter
  folders: Pick<StateFolder, 'attemptsDir' | 'workDir'>
  outputOf: (id: AttemptId) => OutputStream
  forget: (id: AttemptId) => void
  stopped: AbortSignal
  clock: Clock
  random: Random
  log: Log
}): Outbox {
  const { journal, reporter, stopped, clock, log } = deps
  const queue: AttemptId[] = []
  let running = 0

  async function sendOutput(id: AttemptId): Promise<void> {
    await reporter.whenReady(stopped)
    const { signal, abort, release } = linkedSignal(stopped)
    const cancelTimer = clock.setTimer(OUTPUT_TIMEOUT_MS, abort)
    try {
      await deps.outputOf(id).drain(signal)
    } catch (error) {
      stopped.throwIfAborted()
      log.warn({ attempt: id, err: error }, 'the end of the output was not sent')
    } finally {
      cancelTimer()
      release()
    }
  }

  async function sendResult(id: AttemptId, result: DeploymentResult): Promise<void> {
    const backoff = createBackoff(deps.random, RECONNECT_MIN_MS, RECONNECT_MAX_MS)
    for (;;) {
      await reporter.whenReady(stopped)
      try {
        const reply = await reporter.report('deployment_result', result)
        if (reply.committed) {
          journal.acknowledge(id)
          return
        }
        log.warn({ attempt: id, why: reply.message }, 'the hub did not accept a result; retrying')
      } catch (error) {
        log.debug({ attempt: id, why: errorText(error) }, 'a result was not acknowledged')
      }
      await clock.sleep(backoff.nextMs(), stopped)
    }
  }

  async function deliver(id: AttemptId): Promise<void> {
    const result = journal.attempt(id)?.result
    if (!result) return
    await sendOutput(id)
    await sendResult(id, result)
    deps.forget(id)
    removeFolders(deps.folders, id)
  }

  function pump(): void {
    while (running < PARALLEL && queue.length > 0 && !stopped.aborted) {
      const id = queue.shift()!
      running++
      deliver(id)
        .catch((error: unknown) => {
          if (!stopped.aborted)
            log.error(
              { err: error, attempt: id },
              'a result could not be delivered; it is sent again at the next start',
            )
        })
        .finally(() => {
          running--
          pump()
        })
    }
  }

  return {
    add(id) {
      queue.push(id)
      pump()
    },
    resend(result) {
      reporter
        .report('deployment_result', result)
        .catch((error: unknown) => log.debug({ why: errorText(error) }, 'a result was not resent'))
    },
  }
}
