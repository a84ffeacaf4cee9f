/**
 * Quitting: asks once while work is running, then stops cleanly, and ends the process in any case.
 */
import type { Logger } from 'pino'
import type { Cancel, Clock } from '#shared/node/clock.ts'

/** Longer than any clean stop should take. */
const STOP_LIMIT_MS = 10_000

/**
 * @param confirm asks the user; may resolve late or never, and a signal overrides it
 * @param stop ends everything cleanly
 * @param exit ends the process
 */
export function createQuitter(deps: {
  confirm: () => Promise<boolean>
  stop: () => Promise<void>
  exit: (code: number) => void
  log: Logger
  clock: Pick<Clock, 'setTimer'>
  limitMs?: number
}) {
  let stage: 'running' | 'asking' | 'stopping' = 'running'
  const isStopping = (): boolean => stage === 'stopping'

  async function stopAndExit(): Promise<void> {
    stage = 'stopping'
    let code = 0
    let cancelLimit: Cancel | undefined
    const limit = new Promise<never>((_resolve, reject) => {
      const tooLate = () => reject(new Error('stopping took too long'))
      cancelLimit = deps.clock.setTimer(deps.limitMs ?? STOP_LIMIT_MS, tooLate)
    })
    try {
      await Promise.race([deps.stop(), limit])
    } catch (error) {
      deps.log.error({ err: error }, 'the app did not stop cleanly')
      code = 1
    } finally {
      cancelLimit?.()
    }
    deps.exit(code)
  }

  return {
    isQuitting: isStopping,
    /** @param ask false if nobody can be asked: a signal, or the system is shutting down */
    async quit(ask: boolean): Promise<void> {
      if (isStopping() || (stage === 'asking' && ask)) return
      if (ask) {
        stage = 'asking'
        const isConfirmed = await deps.confirm().catch(() => true)
        // A signal may have arrived while the question was open.
        if (isStopping()) return
        if (!isConfirmed) {
          stage = 'running'
          return
        }
      }
      await stopAndExit()
    },
  }
}
