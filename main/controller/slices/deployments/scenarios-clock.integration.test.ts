/** Scenarios in which the controller's clock jumps: one row at a time, with the engine's real timeouts. */
import { afterAll, beforeAll, it } from 'vitest'
import { playRow, setStage, type Stage } from '../../test-kit/scenario.ts'
import { controllerClock, timeRows } from '../../test-kit/scenarios/times.ts'

let stage: Stage
beforeAll(async () => {
  const timings = {
    presence: { connectGraceMs: 0, offlineAfterMs: 0 },
    engine: { heartbeatMs: 50 },
  }
  stage = await setStage({ timings, clock: controllerClock.source })
})
afterAll(() => stage.clear())

let n = 0
it.each(timeRows)('%s', async (name, row) => playRow(stage, { name, ...row() }, `row-${++n}`))
