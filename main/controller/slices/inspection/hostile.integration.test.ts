/** Any file gets an answer within the limits, while the main thread keeps running. Damaged ones: `bench/readers`. */
import { afterAll, describe, expect, it } from 'vitest'
import { AppError } from '#shared/contract/errors.ts'
import { hostileFiles } from '../../test-kit/hostile-files.ts'
import { openInspector } from '../../test-kit/inspector.ts'

/** A pause of the main thread that no busy machine explains; the faults that this guards against lasted 6 to 18 s. */
const PAUSE_MS = 2_000
/** The product's limit, plus time for the thread to start and end on a busy machine. */
const ANSWER_MS = 5_000 + 15_000

const inspector = openInspector()
afterAll(() => inspector.close())

/** Inspects the file; a refusal counts as an answer. @returns the longest pause of this thread and the whole time, ms */
async function measure(name: string, bytes: Buffer) {
  let pauseMs = 0
  const beganMs = performance.now()
  let lastMs = beganMs
  const tick = (): void => {
    const nowMs = performance.now()
    pauseMs = Math.max(pauseMs, nowMs - lastMs)
    lastMs = nowMs
  }
  const looking = inspector.look(name, bytes)
  lastMs = performance.now() // after the test itself has written the file
  const timer = setInterval(tick, 1)
  const answer = await looking.catch((error: unknown) => error)
  clearInterval(timer)
  tick()
  if (answer instanceof Error) {
    expect(answer).toBeInstanceOf(AppError)
    expect(['E_PACKAGE_UNREADABLE', 'E_PACKAGE_LIMIT']).toContain((answer as AppError).code)
  }
  expect(inspector.faults).toEqual([])
  return { pauseMs, wholeMs: performance.now() - beganMs }
}

describe('files made to stop their reader', async () => {
  const files = await hostileFiles(256)
  it.each(files)('$name: $what', async ({ name, bytes }) => {
    const { pauseMs, wholeMs } = await measure(name, bytes)
    expect(pauseMs).toBeLessThan(PAUSE_MS)
    expect(wholeMs).toBeLessThan(ANSWER_MS)
  })
})
