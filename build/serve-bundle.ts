/**
 * The bundle that `npm run serve` runs: a copy of the built app in a cache folder, so that a later build cannot
 * replace the parts that a running controller has still to load.
 */
import fs from 'node:fs/promises'
import path from 'node:path'
import {
  builtFingerprint,
  ensureBuilt,
  sourceFingerprint,
  withBuildLock,
  type BuildSteps,
} from './build-app.ts'
import { projectRoot } from './support/project.ts'

/** Controllers that are still running may use the older ones. */
const COPIES_KEPT = 3

const cacheFolder = (root: string): string => path.join(root, 'node_modules', '.cache', 'deployx')
const copyOf = (root: string, fingerprint: string): string =>
  path.join(cacheFolder(root), 'serve', fingerprint.slice(0, 16))

async function programIn(copy: string): Promise<string | null> {
  const program = path.join(copy, 'headless.js')
  return await fs.access(program).then(
    () => program,
    () => null,
  )
}

/** The program, if it was built from the present sources. Never builds. */
export async function findServable(root: string): Promise<string | null> {
  return await programIn(copyOf(root, await sourceFingerprint(root)))
}

/**
 * Returns the program, built from the present sources if necessary. Prints nothing. Safe to call from several
 * processes at the same time.
 * @throws Error with the builder's output if a build fails
 */
export async function ensureServable(
  root: string,
  steps: Partial<BuildSteps> = {},
): Promise<string> {
  await ensureBuilt({ root, steps, onProgress: () => undefined })
  const built = await builtFingerprint(root)
  const existing = built === null ? null : await programIn(copyOf(root, built))
  if (existing !== null) return existing
  const copied = await withBuildLock(root, () => copyBuilt(root))
  // Null: another process has begun a build with other sources and failed.
  return copied ?? (await ensureServable(root, steps))
}

/** Call it while no other process builds. @returns null: there is no complete build */
async function copyBuilt(root: string): Promise<string | null> {
  const fingerprint = await builtFingerprint(root)
  if (fingerprint === null) return null
  const copy = copyOf(root, fingerprint)
  const existing = await programIn(copy)
  if (existing !== null) return existing
  const unfinished = `${copy}.unfinished`
  await fs.rm(unfinished, { recursive: true, force: true })
  await fs.cp(path.join(root, 'out', 'main'), unfinished, { recursive: true })
  await fs.rename(unfinished, copy)
  await removeOld(path.dirname(copy))
  return await programIn(copy)
}

async function removeOld(folder: string): Promise<void> {
  const copies = await Promise.all(
    (await fs.readdir(folder)).map(async (name) => {
      const copy = path.join(folder, name)
      return { copy, madeMs: (await fs.stat(copy)).mtimeMs }
    }),
  )
  copies.sort((a, b) => b.madeMs - a.madeMs)
  for (const { copy } of copies.slice(COPIES_KEPT))
    await fs.rm(copy, { recursive: true, force: true })
}

/** Options that only print information need no build. */
const PRINTING = ['--help', '-h', '--version', '--check']

// Called by serve.js with the controller's options.
if (import.meta.main) {
  const asksOnly = process.argv.some((arg) => PRINTING.includes(arg))
  try {
    const program = asksOnly ? await findServable(projectRoot) : await ensureServable(projectRoot)
    const answer = {
      program: program ?? path.join(projectRoot, 'main', 'headless.ts'),
      // Where Node keeps compiled code.
      compiled: path.join(cacheFolder(projectRoot), 'compiled'),
    }
    process.stdout.write(JSON.stringify(answer))
  } catch (error) {
    console.error(`deployx: ${(error as Error).message}`)
    process.exitCode = 1
  }
}
