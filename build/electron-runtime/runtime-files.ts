import { randomUUID } from 'node:crypto'
import fs from 'node:fs/promises'
import path from 'node:path'

/** Where a runtime came from. Only `official` may ever reach a user. */
export type Origin = 'official' | 'registry-fallback'

export interface Runtime {
  /** Absolute path of Electron's executable. */
  executable: string
  /** Electron's version, without a leading `v`. */
  version: string
  origin: Origin
}

/** Written last into a prepared fallback runtime, so its presence means that every earlier step succeeded. */
export const fallbackMarker = 'deployx-runtime.json'

/** Path of the executable inside Electron's folder, as the `electron` package writes it to `path.txt`. */
export function executableName(platform: NodeJS.Platform = process.platform): string {
  switch (platform) {
    case 'win32':
      return 'electron.exe'
    case 'darwin':
      return 'Electron.app/Contents/MacOS/Electron'
    default:
      return 'electron'
  }
}

/** The `electron` package of a project. */
export function electronPackage(root: string): string {
  return path.join(root, 'node_modules', 'electron')
}

/** The Electron version that the project asks for. @throws Error if the package is not installed */
export async function wantedVersion(root: string): Promise<string> {
  const file = path.join(electronPackage(root), 'package.json')
  const manifest = JSON.parse(await fs.readFile(file, 'utf8')) as { version: string }
  return manifest.version
}

/**
 * The runtime linked as `node_modules/electron/dist`, or null if none is usable: no executable, an unfinished
 * runtime, or a release of another version than the `electron` package asks for (as after an update).
 */
export async function installedRuntime(root: string): Promise<Runtime | null> {
  const folder = electronPackage(root)
  const dist = path.join(folder, 'dist')
  try {
    const name = await fs.readFile(path.join(folder, 'path.txt'), 'utf8')
    const executable = path.join(dist, name)
    await fs.access(executable, fs.constants.X_OK)
    const version = (await fs.readFile(path.join(dist, 'version'), 'utf8')).trim().replace(/^v/, '')
    if (await isFallbackFolder(dist)) return { executable, version, origin: 'registry-fallback' }
    return version === (await wantedVersion(root))
      ? { executable, version, origin: 'official' }
      : null
  } catch {
    return null
  }
}

/** Whether a folder is a finished registry fallback. A broken link or an unfinished folder is not. */
export async function isFallbackFolder(folder: string): Promise<boolean> {
  return await fs.access(path.join(folder, fallbackMarker)).then(
    () => true,
    () => false,
  )
}

/**
 * Points `dist` and `path.txt` of the `electron` package at a runtime, so that the `electron` command,
 * electron-vite and Playwright find it without an environment variable. Each step is one rename: a concurrent
 * reader sees the old or the new runtime.
 * @param how `link` keeps the folder where it is, `move` moves it (same file system)
 */
export async function installRuntime(
  root: string,
  folder: string,
  how: 'link' | 'move',
): Promise<void> {
  const target = electronPackage(root)
  const dist = path.join(target, 'dist')
  const unique = randomUUID()
  const next = path.join(target, `.dist-next-${unique}`)
  if (how === 'link') await fs.symlink(await fs.realpath(folder), next, 'dir')
  else await fs.rename(folder, next)
  try {
    // Renaming over a link is atomic; a real folder must be moved away first.
    const present = await fs.lstat(dist).catch(() => null)
    const aside = path.join(target, `.dist-old-${unique}`)
    if (present && !(present.isSymbolicLink() && how === 'link')) {
      await fs.rename(dist, aside).catch(ignoreMissing)
    }
    await fs.rename(next, dist)
    await fs.rm(aside, { recursive: true, force: true })
  } catch (error) {
    await fs.rm(next, { recursive: true, force: true })
    // Another process was slightly faster; its runtime is as good as ours.
    if (!(await fs.access(dist).catch(() => 'missing'))) return
    throw error
  }
  const pathFile = path.join(target, `.path-${unique}`)
  await fs.writeFile(pathFile, executableName())
  await fs.rename(pathFile, path.join(target, 'path.txt'))
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}
