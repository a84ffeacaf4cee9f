/**
 * On a loaded machine a test may fail once by chance. It is retried and then reported by name: it does not
 * fail the run, but it is not hidden either. Both runners print the same line for each such test, and `npm
 * test` collects them.
 */
import type { Reporter, TestCase, TestModule } from 'vitest/node'

const PREFIX = 'needed a second try: '

/** Identifies a test: its file and its full name. */
export const secondTryLine = (file: string, fullName: string): string =>
  `${PREFIX}${file} > ${fullName.replaceAll(/\s+/g, ' ')}`

/** The names in a runner's output, each once. Pure. */
export function readSecondTries(stdout: string): string[] {
  const lines = stdout.split(/\r?\n/).filter((line) => line.startsWith(PREFIX))
  return [...new Set(lines.map((line) => line.slice(PREFIX.length)))]
}

/** `N passed, F failed, S skipped`, and which tests needed a second try. Pure. */
export function countLine(
  { passed, failed, skipped }: { passed: number; failed: number; skipped: number },
  secondTries: readonly string[],
): string {
  const counts = `${passed} passed, ${failed} failed, ${skipped} skipped`
  const who = secondTries.length > 0 ? `: ${secondTries.join('; ')}` : ''
  return `${counts}, ${secondTries.length} needed a second try${who}`
}

/** Whether a test passed, but not at its first try. */
export const passedLate = (test: Pick<TestCase, 'result' | 'diagnostic'>): boolean =>
  test.result().state === 'passed' && (test.diagnostic()?.retryCount ?? 0) > 0

/** For vitest.config.ts: prints the line of each retried test after everything else. */
export const createSecondTryReporter = (
  print: (line: string) => void = (line) => process.stdout.write(`${line}\n`),
): Reporter => ({
  onTestRunEnd(modules: readonly TestModule[]) {
    for (const module of modules)
      for (const test of module.children.allTests('passed'))
        if (passedLate(test)) {
          // Print what went wrong the first time: a counterexample with its seed must not be lost.
          for (const error of test.result().errors ?? []) print(error.message)
          print(secondTryLine(module.relativeModuleId, test.fullName))
        }
  },
})
