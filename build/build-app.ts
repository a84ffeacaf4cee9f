import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fs from 'node:fs/promises'
import path from 'node:path'
import { checkParses } from './parse-check.ts'
import { commandLine } from './support/command-line.ts'
import { projectRoot } from './support/project.ts'
import { withLock } from './support/lock.ts'
import { run } from './support/run.ts'

/** Every file that affects the build output. */
const appSources = [
  'agent',
  'main',
  'renderer',
  'shared',
  'electron.vite.config.ts',
  'build/console-ui.ts',
  'package.json',
  'package-lock.json',
  'tsconfig.base.json',
  'tsconfig.web.json',
]
/** A build without these files is incomplete, whatever its stamp says. */
const results = [
  'main/index.js',
  'main/headless.js',
  'main/workers/signing.js',
  'main/workers/identity.js',
  'main/workers/check.js',
  'main/workers/inspection.js',
  'main/workers/passwords.js',
  'main/workers/workbook.js',
  'preload/index.cjs',
  'renderer/index.html',
]
/** Tests, notes and declarations do not affect the output; the build itself writes some declarations. */
const withoutEffect = /\.(test\.ts|d\.ts|md)$|^\.DS_Store$/
const agentEntry = 'agent/main.ts'
const agentResult = 'agent/agent.cjs'

/**
 * The oldest Electron that must run the output, so one build fits every runtime (see
 * electron-runtime/pin.ts).
 */
const oldestElectronMajor = '33'
/** The oldest Node that must run the agent. */
const agentTarget = 'node20'

export interface BuildSteps {
  /** Builds main, preload and renderer into `out`. @throws Error with the builder's output */
  app(root: string): Promise<void>
  agent(root: string): Promise<void>
}

export interface BuildOptions {
  root?: string
  /** Builds even if nothing changed. */
  force?: boolean
  /** Receives a one-line summary. Defaults to stderr, because stdout may carry JSON. */
  onProgress?: (message: string) => void
  steps?: Partial<BuildSteps>
}

/**
 * Builds the app into `out/` if the output is missing, incomplete or outdated; otherwise returns within about
 * 30 ms. Compares sources by content, so a checkout or a touched file does not trigger a build. Safe to call
 * from several processes at the same time.
 * @returns whether it built anything @throws Error with the builder's output if a build fails
 */
export async function ensureBuilt(options: BuildOptions = {}): Promise<boolean> {
  const root = options.root ?? projectRoot
  const onProgress = options.onProgress ?? ((message: string) => console.error(message))
  const fingerprint = await sourceFingerprint(root)
  if (!options.force && (await isBuilt(root, fingerprint))) return false
  return await withBuildLock(root, async () => {
    // Another process may have built the app while this one waited for the lock.
    if (!options.force && (await isBuilt(root, fingerprint))) return false
    const started = Date.now()
    await build(root, { app: buildApp, agent: buildAgent, ...options.steps })
    await fs.writeFile(stampFile(root), JSON.stringify({ fingerprint }))
    onProgress(`built the app in ${((Date.now() - started) / 1000).toFixed(1)} s`)
    return true
  })
}

/** While `work` runs, no other process builds. */
export async function withBuildLock<T>(root: string, work: () => Promise<T>): Promise<T> {
  const lock = path.join(root, 'node_modules', '.cache', 'deployx', 'build.lock')
  return await withLock(lock, { waitMs: 5 * 60_000 }, work)
}

async function build(root: string, steps: BuildSteps): Promise<void> {
  // Remove the stamp first, so that a failed build is not mistaken for the previous one.
  await fs.rm(stampFile(root), { force: true })
  await steps.app(root)
  if (await exists(path.join(root, agentEntry))) await steps.agent(root)
  await checkParses(path.join(root, 'out'))
}

/** Hash over the names and contents of all sources that affect the output. */
export async function sourceFingerprint(
  root: string,
  sources: readonly string[] = appSources,
): Promise<string> {
  const hash = createHash('sha256').update(`${oldestElectronMajor} ${agentTarget}`)
  for (const source of sources) {
    for (const file of await filesBelow(path.join(root, source))) {
      const name = path.relative(root, file).replaceAll(path.sep, '/')
      // A thousand small files: asynchronous reads would take three times as long.
      hash.update(`\0${name}\0`).update(readFileSync(file))
    }
  }
  return hash.digest('hex')
}

async function filesBelow(place: string): Promise<string[]> {
  const stat = await fs.stat(place).catch(() => null)
  if (!stat) return []
  if (stat.isFile()) return [place]
  const entries = await fs.readdir(place, { recursive: true, withFileTypes: true })
  return (
    entries
      .filter((entry) => entry.isFile() && !withoutEffect.test(entry.name))
      .map((entry) => path.join(entry.parentPath, entry.name))
      // Build tools keep a cache in renderer/node_modules.
      .filter((file) => !path.relative(place, file).split(path.sep).includes('node_modules'))
      .sort()
  )
}

/** The fingerprint of the sources that `out` was built from; null: there is no complete build. */
export async function builtFingerprint(root: string): Promise<string | null> {
  try {
    const stamp = JSON.parse(await fs.readFile(stampFile(root), 'utf8')) as { fingerprint?: string }
    return stamp.fingerprint ?? null
  } catch {
    return null
  }
}

async function isBuilt(root: string, fingerprint: string): Promise<boolean> {
  try {
    if ((await builtFingerprint(root)) !== fingerprint) return false
    const wanted = (await exists(path.join(root, agentEntry))) ? [...results, agentResult] : results
    const present = await Promise.all(wanted.map((name) => exists(path.join(root, 'out', name))))
    return present.every(Boolean)
  } catch {
    return false
  }
}

/**
 * Runs in a separate process: Vite sets environment variables and holds memory that the caller should not
 * inherit.
 */
async function buildApp(root: string): Promise<void> {
  const cli = path.join(root, 'node_modules', 'electron-vite', 'bin', 'electron-vite.js')
  const result = await run(process.execPath, [cli, 'build', '--logLevel', 'warn'], {
    cwd: root,
    timeoutMs: 5 * 60_000,
    env: { ...process.env, ELECTRON_MAJOR_VER: oldestElectronMajor },
  })
  if (result.timedOut) throw new Error('the build did not end within 5 minutes')
  if (result.code !== 0) throw new Error(`the build failed:\n${result.stdout}${result.stderr}`)
}

/** Bundles the agent into one file that runs on Node 20 and later without node_modules. */
async function buildAgent(root: string): Promise<void> {
  const esbuild = await import('esbuild')
  await esbuild.build({
    absWorkingDir: root,
    entryPoints: [agentEntry],
    outfile: path.join('out', agentResult),
    bundle: true,
    platform: 'node',
    target: agentTarget,
    format: 'cjs',
    legalComments: 'none',
    logLevel: 'warning',
  })
}

function stampFile(root: string): string {
  return path.join(root, 'out', '.build.json')
}

async function exists(file: string): Promise<boolean> {
  return await fs.access(file).then(
    () => true,
    () => false,
  )
}

const HELP = `Builds the app and the agent's bundle into out/, unless they are built from these sources.

Usage: npm run build [-- --force]

  --force   builds in any case
`

if (import.meta.main) {
  const { force = false } = commandLine(HELP, { force: { type: 'boolean' } })
  try {
    if (!(await ensureBuilt({ force }))) {
      console.error('the app is built already')
    }
  } catch (error) {
    console.error((error as Error).message)
    process.exitCode = 1
  }
}
