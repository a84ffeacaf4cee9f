/** Signs the end of the log, so that entries cannot be cut off or exchanged unnoticed. */
import { isoTime, type Log, type Now } from '../../base/context.ts'
import { createSingleTicker, type TickerTime } from '../../base/ticker.ts'
import type { Signer } from '../signing/index.ts'
import type { AuditRepo } from './audit.repo.ts'
import { headText } from './chain.ts'

/** How often the end of the log is signed if anything was added. */
const SEAL_EVERY_MS = 10 * 60_000

export function createSealing(deps: {
  repo: AuditRepo
  now: Now
  clock: TickerTime
  /** Records what was only counted so far, so that it is signed too. */
  flushRefusals: () => void
}) {
  const { repo } = deps

  /** Signs the current end, unless it is signed already. */
  async function seal(sign: Signer['sign']): Promise<void> {
    const end = repo.last()
    if (!end?.hash || end.id === repo.lastSealed()) return
    const head = { entry_id: end.id, hash: end.hash, at: isoTime(deps.now()) }
    const [signature] = await sign([headText(head)])
    if (!signature) throw new Error('the end of the audit log was not signed')
    repo.insertHead({ ...head, signature })
  }

  return {
    seal,
    /** Signs the log's end regularly. The returned function does it one last time and stops. */
    startSealing(sign: Signer['sign'], log: Log): () => Promise<void> {
      const run = async (): Promise<void> => {
        deps.flushRefusals()
        await seal(sign)
      }
      const failed = (error: unknown): void =>
        log.error({ err: error }, 'the end of the audit log could not be signed')
      const ticker = createSingleTicker({
        time: deps.clock,
        soonMs: 0,
        heartbeatMs: SEAL_EVERY_MS,
        run,
        failed,
      })
      ticker.start()
      return async () => {
        await ticker.stop()
        await run().catch(failed)
      }
    },
  }
}
