/** Plays a table of rows against one controller, several at a time, and reports each row as its own test. */
import { afterAll, beforeAll, it } from 'vitest'
import { playRow, setStage, type Row, type Stage } from '../scenario.ts'
import { createWorkedClock } from '../worked-clock.ts'
import { QUICK } from './timings.ts'

const AT_A_TIME = 8

export function playTable(
  rows: readonly Row[],
  options: {
    /** How many rows run at a time; 1 for rows that affect the whole controller. */
    atATime?: number
    prepare?: (stage: Stage) => Promise<void>
  } = {},
): void {
  const waiting: (() => void)[] = []
  let free = options.atATime ?? AT_A_TIME
  let stage: Stage
  async function inTurn(work: () => Promise<void>): Promise<void> {
    if (free === 0) await new Promise<void>((go) => waiting.push(go))
    else free--
    try {
      await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else free++
    }
  }
  const results: Promise<Error | null>[] = []
  const start = (row: Row, label: string): Promise<Error | null> =>
    inTurn(() => playRow(stage, row, label)).then(
      () => null,
      (error: unknown) =>
        error instanceof Error ? error : new Error('not an error', { cause: error }),
    )

  const clock = createWorkedClock()
  beforeAll(async () => {
    stage = await setStage({ timings: QUICK, clock })
    await options.prepare?.(stage)
    rows.forEach((row, i) => results.push(start(row, `row-${i + 1}`)))
  })
  afterAll(async () => {
    await Promise.all(results)
    await stage.clear()
    clock.stop()
  })
  it.each(rows.map((row, i) => [row.name, row, i] as const))('%s', async (_name, row, i) => {
    const error = await results[i]
    if (!error) return
    // A retry of the test plays the row again.
    results[i] = start(row, `row-${i + 1}-again`)
    throw error
  })
}
