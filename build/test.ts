/**
 * `npm test`: runs the unit and integration tests, then the controller's tests again inside Electron's Node,
 * then the specs in a real Electron; `--full` (npm run test:full) adds the long runs. Ends with one line that
 * counts them all. A skipped test never counts as passed, and a test that needed a second try is named.
 */
import { spawn } from 'node:child_process'
import { mkdir, readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { ensureBuilt } from './build-app.ts'
import { resolveElectron } from './electron-runtime/resolve.ts'
import { commandLine } from './support/command-line.ts'
import { projectRoot } from './support/project.ts'
import { countLine, readSecondTries } from './support/second-tries.ts'
import { ensureSystemPackages } from './system-packages.ts'

type Counts = {
  passed: number
  failed: number
  skipped: number
  secondTries: string[]
  /** File and name of each test that failed. */
  failures: string[]
}
const HELP = `Runs all tests: units and integration, the controller's again in Electron's Node, and the specs in a real Electron.

Usage: npm test [-- --full]

  --full   with the long runs (npm run test:full)
`
const { full = false } = commandLine(HELP, { full: { type: 'boolean' } })
const reports = path.join(projectRoot, 'test-results')
const unitReport = path.join(reports, 'unit.json')

/** Runs a script with this Node or another one; prints its output to the terminal and returns it as text. */
function runNode(
  args: string[],
  env: NodeJS.ProcessEnv = {},
  node = process.execPath,
): Promise<{ code: number; stdout: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(node, args, {
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

const vitest = ['node_modules/vitest/vitest.mjs', 'run']
const unit = (): Promise<Counts> =>
  counted((report) => runNode(vitest, { ...report, ...(full && { DEPLOYX_TEST_FULL: '1' }) }))

/**
 * Tests that are long, or that cover agents, people and time rather than what depends on Node: in Electron's
 * Node with `--full` only.
 */
const ONCE_IS_ENOUGH = [
  'slices/agent-updates/*',
  'edges/attacks/*',
  'slices/content/limits*',
  'slices/deployments/**',
  'slices/enrollment/line-race*',
  'edges/agents/discovery*',
  'edges/agents/flood*',
  'edges/agents/pairing*',
  'edges/agents/duplicate-identity*',
  '**/*real-agent*',
].map((files) => `--exclude=main/controller/${files}`)

/**
 * Runs the controller's tests again in Electron's Node: it has another version, another cryptography library
 * and another build of the database driver, and it is what users run.
 */
const controllerInElectron = (executable: string): Promise<Counts> => {
  // The app is bundled. When run from the sources, old Nodes need this flag to `require` packages that are ES
  // modules.
  const requireEsm = '--experimental-require-module'
  const args = [requireEsm, ...vitest, 'main/controller', `--execArgv=${requireEsm}`]
  if (!full) args.push(...ONCE_IS_ENOUGH)
  return counted((report) => runNode(args, { ...report, ELECTRON_RUN_AS_NODE: '1' }, executable))
}

/** Counts a vitest run from its report file. */
async function counted(
  start: (report: NodeJS.ProcessEnv) => Promise<{ code: number; stdout: string }>,
): Promise<Counts> {
  await mkdir(reports, { recursive: true })
  await rm(unitReport, { force: true })
  const { code, stdout } = await start({ DEPLOYX_UNIT_REPORT: unitReport })
  type Report = {
    numPassedTests: number
    numFailedTests: number
    numPendingTests: number
    numTodoTests: number
    testResults: { name: string; assertionResults: { status: string; fullName: string }[] }[]
  }
  const secondTries = readSecondTries(stdout)
  const text = await readFile(unitReport, 'utf8').catch(() => null)
  if (text === null) return { passed: 0, failed: 1, skipped: 0, secondTries, failures: [] }
  const report = JSON.parse(text) as Report
  const counts = {
    passed: report.numPassedTests,
    failed: report.numFailedTests,
    skipped: report.numPendingTests + report.numTodoTests,
    secondTries,
    failures: report.testResults.flatMap(({ name, assertionResults }) =>
      assertionResults
        .filter(({ status }) => status === 'failed')
        .map(({ fullName }) => `${path.relative(projectRoot, name)} > ${fullName}`),
    ),
  }
  // If a file fails to load, or an error occurs outside any test, no failed test is listed.
  if (code !== 0 && counts.failed === 0) counts.failed = 1
  return counts
}

async function electron(): Promise<Counts> {
  const { code, stdout } = await runNode(['e2e/run.ts'])
  const line = /^e2e \(Electron [\d.]+\): (\d+) passed, (\d+) failed, (\d+) skipped$/m.exec(stdout)
  const secondTries = readSecondTries(stdout)
  const failures = [...stdout.matchAll(/^failed: (.+)$/gm)].map((match) => match[1]!)
  if (!line) return { passed: 0, failed: 1, skipped: 0, secondTries, failures }
  const [passed, failed, skipped] = line.slice(1).map(Number) as [number, number, number]
  return { passed, failed: code !== 0 && failed === 0 ? 1 : failed, skipped, secondTries, failures }
}

// Before the unit tests: some of them need a display, a bus or Electron's own Node, and would be skipped
// otherwise.
const system = await ensureSystemPackages()
if (!system.ok)
  console.log(`missing system packages: ${system.missing.join(' ')}. ${system.hint ?? ''}`)
const runtime = await resolveElectron({
  fallback: 'allow',
  onProgress: (message) => console.log(message),
})
const units = await unit()
console.log(`unit: ${countLine(units, units.secondTries)}`)
// Its worker threads run the built files: Electron's Node does not run TypeScript.
await ensureBuilt({ onProgress: (message) => console.log(message) })
const inside = await controllerInElectron(runtime.executable)
console.log(`controller in Electron ${runtime.version}: ${countLine(inside, inside.secondTries)}`)
const specs = await electron()
// The controller's tests are already counted; only failures of the second run are added.
const parts = [units, { ...inside, passed: 0, skipped: 0 }, specs]
for (const name of parts.flatMap((part) => part.secondTries))
  console.log(`only passed at its second try: ${name}`)
for (const name of parts.flatMap((part) => part.failures)) console.log(`failed: ${name}`)
const sum = (pick: (c: Counts) => number) => parts.reduce((n, c) => n + pick(c), 0)
console.log(
  `all: ${sum((c) => c.passed)} passed, ${sum((c) => c.failed)} failed, ${sum((c) => c.skipped)} skipped`,
)
process.exitCode = sum((c) => c.failed) === 0 && sum((c) => c.passed) > 0 ? 0 : 1
