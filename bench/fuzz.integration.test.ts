/** Whatever is thrown at the controller and the agent: nothing breaks, nothing changes for nobody. The long form: `npm run bench -- fuzz`. */
import { expect, it } from 'vitest'
import { fuzz, isClean, printFuzzReport } from './fuzz.ts'

const SECONDS = process.env['DEPLOYX_TEST_FULL'] === undefined ? 15 : 120

it.skipIf(process.platform !== 'linux')(
  `${SECONDS} seconds of nonsense on every surface break nothing`,
  { timeout: (SECONDS + 240) * 1_000, retry: 0 },
  async () => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    const report = await fuzz({ seconds: SECONDS, seed })
    const told = printFuzzReport(report)
    console.log(told)
    expect(isClean(report), told).toBe(true)
    // A run that threw nothing at some surface has shown nothing about it.
    expect(Object.keys(report.tried).length, told).toBeGreaterThanOrEqual(15)
    expect(report.total, told).toBeGreaterThan(500)
  },
)
