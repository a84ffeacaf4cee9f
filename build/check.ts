/** `npm run check`: types, lint, import rules and format in parallel; each prints only what it finds. */
import { commandLine } from './support/command-line.ts'
import { run, npmCommand } from './support/run.ts'
import { projectRoot } from './support/project.ts'

commandLine(
  `Checks types, lint, import rules and format; prints only what is wrong.

Usage: npm run check
`,
  {},
)

type Check = 'types' | 'lint' | 'imports' | 'format'
/** A busy machine takes several times as long. */
const LIMIT_MS = 30 * 60_000

const npm = npmCommand()
async function check(name: Check): Promise<boolean> {
  const started = Date.now()
  const result = await run(npm.command, [...npm.args, 'run', '--silent', `check:${name}`], {
    cwd: projectRoot,
    timeoutMs: LIMIT_MS,
  })
  const ok = result.code === 0
  const seconds = ((Date.now() - started) / 1000).toFixed(1)
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`)
  if (!ok) console.log((result.stdout + result.stderr).trimEnd())
  return ok
}

// Two at a time: each type checker keeps one core busy.
const results = [
  ...(await Promise.all([check('types'), check('lint')])),
  ...(await Promise.all([check('imports'), check('format')])),
]
process.exitCode = results.every(Boolean) ? 0 : 1
