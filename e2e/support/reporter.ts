/** Ends the run with one line that counts it, for people and for `npm test`; before it, who needed a second try. */
import path from 'node:path'
import type { FullConfig, Reporter, Suite, TestCase, TestError } from '@playwright/test/reporter'
import { projectRoot } from '../../build/support/project.ts'
import { secondTryLine } from '../../build/support/second-tries.ts'

export type Counts = { passed: number; failed: number; skipped: number }

/** Pure. A test that passed at its second try has passed; one that was never run counts as skipped, an interrupted one as failed. */
export function countOutcomes(
  tests: readonly Pick<TestCase, 'outcome'>[],
  errorsOutsideTests: number,
): Counts {
  const of = (...outcomes: string[]) => tests.filter((t) => outcomes.includes(t.outcome())).length
  return {
    passed: of('expected', 'flaky'),
    failed: of('unexpected') + errorsOutsideTests,
    skipped: of('skipped'),
  }
}

export const closingLine = (electron: string, { passed, failed, skipped }: Counts): string =>
  `e2e (Electron ${electron}): ${passed} passed, ${failed} failed, ${skipped} skipped`

/** One line for each test that passed at its second try only. Pure. */
export const secondTryLines = (
  tests: readonly Pick<TestCase, 'outcome' | 'location' | 'titlePath'>[],
): string[] =>
  tests
    .filter((test) => test.outcome() === 'flaky')
    .map((test) => {
      const file = path.relative(projectRoot, test.location.file).replaceAll(path.sep, '/')
      // The path begins with the root, the project (nameless here) and the file.
      return secondTryLine(file, test.titlePath().slice(3).join(' > '))
    })

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
    const tests = this.suite?.allTests() ?? []
    for (const line of secondTryLines(tests)) process.stdout.write(`${line}\n`)
    const counts = countOutcomes(tests, this.errors)
    const electron = process.env['DEPLOYX_E2E_ELECTRON_VERSION'] ?? '0'
    process.stdout.write(`${closingLine(electron, counts)}\n`)
  }
}
