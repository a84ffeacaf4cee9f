/** Whoever is killed, whenever: nothing is lost, nothing runs twice, nothing stays open. */
import { expect, it } from 'vitest'
import { crash, printCrashReport } from './crash.ts'

const FULL = process.env['DEPLOYX_TEST_FULL'] !== undefined
const RUNS = FULL ? 200 : 10
/** A run takes about eight seconds, more on a busy machine. */
const RUN_LIMIT_MS = 30_000

it.skipIf(process.platform !== 'linux')(
  `${RUNS} deployments end well though controller, agents and supervisors are killed at random moments`,
  { timeout: RUNS * RUN_LIMIT_MS, retry: 0 },
  async () => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    const report = await crash({ runs: RUNS, seed })
    const told = `seed ${seed}\n${printCrashReport(report)}`
    console.log(told)
    expect(report, told).toMatchObject({ runs: RUNS, lost: 0, duplicated: 0, stuck: 0 })
    expect(report.kills.controller + report.kills.agent, told).toBeGreaterThan(RUNS / 2)
    // What cannot be known is told as such; that is rare.
    expect(report.completed, told).toBeGreaterThanOrEqual(0.95 * report.targets)
  },
)
