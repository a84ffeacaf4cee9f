/**
 * Whatever the controller and the agent receive, nothing breaks and nothing changes without authentication.
 * The long form: `npm run bench -- fuzz`.
 */
import { expect, it } from 'vitest'
import { fuzz, isClean, printFuzzReport } from './fuzz.ts'

const SECONDS = process.env['DEPLOYX_TEST_FULL'] === undefined ? 15 : 120

it.skipIf(process.platform !== 'linux')(
  `survives ${SECONDS} seconds of invalid input on every surface`,
  { timeout: (SECONDS + 240) * 1_000, retry: 0 },
  async () => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    const report = await fuzz({ seconds: SECONDS, seed })
    const summary = printFuzzReport(report)
    console.log(summary)
    expect(isClean(report), summary).toBe(true)
    // A run that sent nothing to some surface proves nothing about it.
    expect(Object.keys(report.tried).length, summary).toBeGreaterThanOrEqual(15)
    expect(report.total, summary).toBeGreaterThan(500)
  },
)
