/** An agent whose controller does not answer, for as long as it takes: nothing piles up. Memory: `npm run bench -- agent`. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeFolder } from '../test-kit/agent-process.ts'
import { ABSENCES, failToConnect, type Holdings } from '../test-kit/patience.ts'
import { createLog } from '../lib/log.ts'

/** A few first, because what is loaded when it is first needed counts once. */
const WARM_UP = 20
const TRIES = 170
/** Sockets that are being closed on a busy machine. What a try leaves behind would be there TRIES - WARM_UP times. */
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

describe.each(ABSENCES)('where the controller was: %s', (kind) => {
  it(`no more is held after ${TRIES} tries than after ${WARM_UP}`, async () => {
    const seen: Holdings[] = []
    await failToConnect({
      kind,
      folder: folder.path,
      waitMs: 2,
      looksOnLan: true,
      log: createLog(null),
      onTries(tries, holdings) {
        // A single look may meet a socket that is just being closed: the least of several is what stays.
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
