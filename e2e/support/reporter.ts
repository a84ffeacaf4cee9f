/** Ends the run with one line that counts it, for people and for `npm test`. */
import type { FullConfig, Reporter, Suite, TestCase, TestError } from '@playwright/test/reporter'

export type Counts = { passed: number; failed: number; skipped: number }

/** Pure. A test that was never run counts as skipped, one that was interrupted as failed. */
export function countOutcomes(
  tests: readonly Pick<TestCase, 'outcome'>[],
  errorsOutsideTests: number,
): Counts {
  const of = (...outcomes: string[]) => tests.filter((t) => outcomes.includes(t.outcome())).length
  return {
    passed: of('expected'),
    failed: of('unexpected', 'flaky') + errorsOutsideTests,
    skipped: of('skipped'),
  }
}

export const closingLine = (electron: string, { passed, failed, skipped }: Counts): string =>
  `e2e (Electron ${electron}): ${passed} passed, ${failed} failed, ${skipped} skipped`

/** Playwright makes its reporters itself, so this one is a class; named by playwright.config.ts. */
export default class ClosingLineReporter implements Reporter {
  private suite: Suite | null = null
  private errors = 0

  onBegin(_config: FullConfig, suite: Suite): void {
    this.suite = suite
  }

  onError(_error: TestError): void {
    this.errors += 1
  }

  printsToStdio(): boolean {
    return true
  }

  /** The very last thing that is called, after every other reporter has printed its summary. */
  async onExit(): Promise<void> {
    const counts = countOutcomes(this.suite?.allTests() ?? [], this.errors)
    const electron = process.env['DEPLOYX_E2E_ELECTRON_VERSION'] ?? '0'
    process.stdout.write(`${closingLine(electron, counts)}\n`)
  }
}
