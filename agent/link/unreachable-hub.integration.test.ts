/**
 * An agent whose controller does not answer, for however long: it leaks nothing. Memory: `npm run bench --
 * agent`.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeFolder } from '../test-kit/agent-process.ts'
import { OUTAGES, failToConnect, type Holdings } from '../test-kit/failing-link.ts'
import { createLog } from '../lib/log.ts'

/** A few first, because what is loaded on first use is a one-time cost. */
const WARM_UP = 20
const TRIES = 170
/**
 * Sockets that are being closed on a busy machine. A leak per attempt would show up TRIES - WARM_UP times.
 */
const SLACK = 20

let folder: ReturnType<typeof makeFolder>
let warnings: Error[] = []
const onWarning = (warning: Error): void => void warnings.push(warning)
beforeEach(() => {
  folder = makeFolder()
  warnings = []
  process.on('warning', onWarning)
})
afterEach(() => {
  process.off('warning', onWarning)
  folder.remove()
})

describe.each(OUTAGES)("an agent whose controller's address has: %s", (kind) => {
  it(`holds no more after ${TRIES} attempts than after ${WARM_UP}`, async () => {
    const seen: Holdings[] = []
    await failToConnect({
      kind,
      folder: folder.path,
      waitMs: 2,
      searchesLan: true,
      log: createLog(null),
      onTries(tries, holdings) {
        // A single sample may include a socket that is being closed, so use the lowest of several.
        if (tries > WARM_UP - 10 && tries <= WARM_UP) seen.push(holdings())
        if (tries > TRIES - 10) seen.push(holdings())
        return tries < TRIES
      },
    })
    const least = (from: Holdings[], what: keyof Holdings): number =>
      Math.min(...from.map((one) => one[what] ?? 0))
    const [early, late] = [seen.slice(0, 10), seen.slice(10)]
    for (const what of ['resources', 'files', 'stopListeners'] as const)
      expect(least(late, what), what).toBeLessThanOrEqual(least(early, what) + SLACK)
    expect(warnings.map(String)).toEqual([])
  })
})
