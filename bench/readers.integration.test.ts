/** Damaged installers of every technology. The long form: `npm run bench -- readers --seconds 600`, or `npm run test:full`. */
import { expect, it } from 'vitest'
import { isSound, printReaders, readers } from './readers/index.ts'

const isFull = process.env['DEPLOYX_TEST_FULL'] !== undefined
const SECONDS = isFull ? 600 : 12

it(
  `no damaged file stops a reader, in ${SECONDS} seconds`,
  { timeout: (3 * SECONDS + 240) * 1_000, retry: 0 },
  async () => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    const report = await readers({ seconds: SECONDS, seed, cutStep: isFull ? 1 : 401 })
    const summary = printReaders(report)
    console.log(summary)
    expect(isSound(report), summary).toBe(true)
    expect(Math.min(report.cuts, report.mutations), summary).toBeGreaterThan(100)
  },
)
