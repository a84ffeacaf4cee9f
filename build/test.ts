/**
 * `npm test`: unit and integration tests, then the specs in real Electron; `--full` (npm run test:full) adds the long runs.
 * Ends with one line that counts them all. A skipped test is never counted as passed.
 */
import { spawn } from 'node:child_process'
import { mkdir, readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { resolveElectron } from './electron-runtime/resolve.ts'
import { projectRoot } from './support/project.ts'
import { ensureSystemPackages } from './system-packages.ts'

type Counts = { passed: number; failed: number; skipped: number }
const full = process.argv.includes('--full')
const reports = path.join(projectRoot, 'test-results')
const unitReport = path.join(reports, 'unit.json')

/** Runs a script under this Node; its output goes to the terminal and comes back as text. */
function runNode(
  args: string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ code: number; stdout: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: projectRoot,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let stdout = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      process.stdout.write(text)
      stdout += text
    })
    child.once('error', reject)
    child.once('close', (code) => resolve({ code: code ?? 1, stdout }))
  })
}

async function unit(): Promise<Counts> {
  await mkdir(reports, { recursive: true })
  await rm(unitReport, { force: true })
  const { code } = await runNode(
    [
      'node_modules/vitest/vitest.mjs',
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${unitReport}`,
    ],
    full ? { DEPLOYX_TEST_FULL: '1' } : {},
  )
  type Report = {
    numPassedTests: number
    numFailedTests: number
    numPendingTests: number
    numTodoTests: number
  }
  const report = JSON.parse(await readFile(unitReport, 'utf8')) as Report
  const counts = {
    passed: report.numPassedTests,
    failed: report.numFailedTests,
    skipped: report.numPendingTests + report.numTodoTests,
  }
  // A file that could not be loaded, or an error outside of any test, has no failed test to its name.
  if (code !== 0 && counts.failed === 0) counts.failed = 1
  return counts
}

async function electron(): Promise<Counts> {
  const { code, stdout } = await runNode(['e2e/run.ts'])
  const line = /^e2e \(Electron [\d.]+\): (\d+) passed, (\d+) failed, (\d+) skipped$/m.exec(stdout)
  if (!line) return { passed: 0, failed: 1, skipped: 0 }
  const [passed, failed, skipped] = line.slice(1).map(Number) as [number, number, number]
  return { passed, failed: code !== 0 && failed === 0 ? 1 : failed, skipped }
}

// Before the unit tests: some of them need a display, a bus or Electron's own Node, and would be skipped without.
const system = await ensureSystemPackages()
if (!system.ok)
  console.log(`missing system packages: ${system.missing.join(' ')}. ${system.hint ?? ''}`)
await resolveElectron({ fallback: 'allow', onProgress: (message) => console.log(message) })
const parts = [await unit(), await electron()]
const sum = (pick: (c: Counts) => number) => parts.reduce((n, c) => n + pick(c), 0)
console.log(
  `all: ${sum((c) => c.passed)} passed, ${sum((c) => c.failed)} failed, ${sum((c) => c.skipped)} skipped`,
)
process.exitCode = sum((c) => c.failed) === 0 && sum((c) => c.passed) > 0 ? 0 : 1
