/** Whichever process is killed, and whenever: no target is lost, none runs twice, none stays open. */
import { expect, it } from 'vitest'
import { crash, printCrashReport } from './crash.ts'

const FULL = process.env['DEPLOYX_TEST_FULL'] !== undefined
const RUNS = FULL ? 200 : 10
/** A run takes about eight seconds, more on a busy machine. */
const RUN_LIMIT_MS = 30_000

it.skipIf(process.platform !== 'linux')(
  `finishes ${RUNS} deployments correctly while controller, agents and supervisors are killed at random moments`,
  { timeout: RUNS * RUN_LIMIT_MS, retry: 0 },
  async () => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    const report = await crash({ runs: RUNS, seed })
    const summary = `seed ${seed}\n${printCrashReport(report)}`
    console.log(summary)
    expect(report, summary).toMatchObject({ runs: RUNS, lost: 0, duplicated: 0, stuck: 0 })
    expect(report.kills.controller + report.kills.agent, summary).toBeGreaterThan(RUNS / 2)
    // Targets with an unknown result are reported as interrupted; that is rare.
    expect(report.completed, summary).toBeGreaterThanOrEqual(0.95 * report.targets)
  },
)
