/**
 * Ends the run with one line of counts, for people and for `npm test`; before it, the tests that needed a
 * second try.
 */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type {
  FullConfig,
  Reporter,
  Suite,
  TestCase,
  TestError,
  TestResult,
} from '@playwright/test/reporter'
import { projectRoot } from '../../build/support/project.ts'
import { secondTryLine } from '../../build/support/second-tries.ts'

const CONTEXT_LENGTH_MAX = 8_000

export type Counts = { passed: number; failed: number; skipped: number }

/**
 * Pure. A test that passed at its second try counts as passed, one that never ran as skipped, an interrupted
 * one as failed.
 */
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

const nameOf = (
  test: Pick<TestCase, 'location' | 'titlePath'>,
): { file: string; name: string } => ({
  file: path.relative(projectRoot, test.location.file).replaceAll(path.sep, '/'),
  // The path begins with the root, the project (unnamed here) and the file.
  name: test.titlePath().slice(3).join(' > '),
})

/** One line for each test that passed only at its second try. Pure. */
export const secondTryLines = (
  tests: readonly Pick<TestCase, 'outcome' | 'location' | 'titlePath'>[],
): string[] =>
  tests
    .filter((test) => test.outcome() === 'flaky')
    .map((test) => {
      const { file, name } = nameOf(test)
      return secondTryLine(file, name)
    })

/** A class, because Playwright instantiates reporters itself; configured in playwright.config.ts. */
export default class ClosingLineReporter implements Reporter {
  private suite: Suite | null = null
  private errors = 0

  onBegin(_config: FullConfig, suite: Suite): void {
    this.suite = suite
  }

  /** Prints what the page showed when a test failed: CI may keep nothing but the output. */
  onTestEnd(_test: TestCase, { attachments }: TestResult): void {
    const seen = attachments.find(({ name }) => name === 'error-context')
    if (seen?.path === undefined || !existsSync(seen.path)) return
    const text = readFileSync(seen.path, 'utf8')
    process.stdout.write(`${text.slice(0, CONTEXT_LENGTH_MAX)}\n`)
  }

  onError(_error: TestError): void {
    this.errors += 1
  }

  printsToStdio(): boolean {
    return true
  }

  /** Called last, after every other reporter has printed its summary. */
  async onExit(): Promise<void> {
    const tests = this.suite?.allTests() ?? []
    for (const line of secondTryLines(tests)) process.stdout.write(`${line}\n`)
    for (const test of tests.filter((one) => one.outcome() === 'unexpected')) {
      const { file, name } = nameOf(test)
      process.stdout.write(`failed: ${file} > ${name}\n`)
    }
    const counts = countOutcomes(tests, this.errors)
    const electron = process.env['DEPLOYX_E2E_ELECTRON_VERSION'] ?? '0'
    process.stdout.write(`${closingLine(electron, counts)}\n`)
  }
}
