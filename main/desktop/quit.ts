/** How the app ends: asked once while work runs, then stopped cleanly, and in the end in any case. */
import type { Logger } from 'pino'

/** Longer than any clean stop should take. */
const STOP_LIMIT_MS = 10_000

/**
 * @param confirm asks the person; may resolve late or never, a signal overtakes it
 * @param stop ends everything cleanly
 * @param exit ends the process
 */
export function createQuitter(deps: {
  confirm: () => Promise<boolean>
  stop: () => Promise<void>
  exit: (code: number) => void
  log: Logger
  limitMs?: number
}) {
  let stage: 'running' | 'asking' | 'stopping' = 'running'
  const isStopping = (): boolean => stage === 'stopping'

  async function stopAndExit(): Promise<void> {
    stage = 'stopping'
    let code = 0
    let timer: NodeJS.Timeout | undefined
    const limit = new Promise<never>((_resolve, reject) => {
      const tooLate = () => reject(new Error('stopping took too long'))
      timer = setTimeout(tooLate, deps.limitMs ?? STOP_LIMIT_MS)
    })
    try {
      await Promise.race([deps.stop(), limit])
    } catch (error) {
      deps.log.error({ err: error }, 'the app did not stop cleanly')
      code = 1
    } finally {
      clearTimeout(timer)
    }
    deps.exit(code)
  }

  return {
    isQuitting: isStopping,
    /** @param ask false when nobody can be asked: a signal, the system is shutting down */
    async quit(ask: boolean): Promise<void> {
      if (isStopping() || (stage === 'asking' && ask)) return
      if (ask) {
        stage = 'asking'
        const isMeant = await deps.confirm().catch(() => true)
        // A signal may have come while the question stood.
        if (isStopping()) return
        if (!isMeant) {
          stage = 'running'
          return
        }
      }
      await stopAndExit()
    },
  }
}
