/** The table of scenarios against the real controller, with light agents over real TLS. Rows: scenarios/*.ts. */
import { afterAll, beforeAll, describe, it } from 'vitest'
import { playRow, setStage, type Stage } from '../test-kit/scenario.ts'
import { agentRows } from './scenarios/agents.ts'
import { installerRows } from './scenarios/installers.ts'
import { QUICK } from './scenarios/timings.ts'

let stage: Stage
beforeAll(async () => {
  stage = await setStage({ timings: QUICK })
})
afterAll(() => stage.clear())

let n = 0
describe.concurrent.each([
  ['agents', agentRows],
  ['installers', installerRows],
])('%s', (table, rows) => {
  it.each(rows)('$name', async (row) => {
    await playRow(stage, row, `${table}-${++n}`)
  })
})
