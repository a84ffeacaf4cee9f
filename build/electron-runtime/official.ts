import fs from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { electronPackage, executableName, installRuntime, wantedVersion } from './runtime-files.ts'
import type { Runtime } from './runtime-files.ts'

/**
 * The part of `@electron/get` that we use; the module comes from the `electron` package's own dependencies.
 */
interface ElectronGet {
  downloadArtifact: (options: {
    version: string
    artifactName: string
    platform: string
    arch: string
    cacheRoot: string | undefined
    checksums: Record<string, string>
    downloadOptions: {
      quiet: boolean
      signal: AbortSignal
      getProgressCallback: (progress: { transferred: number; total: number | null }) => void
    }
  }) => Promise<string>
  getHostArch: () => string
}

interface ExtractZip {
  extract: (zip: string, options: { dir: string }) => Promise<void>
}

export interface OfficialOptions {
  onProgress: (message: string) => void
  /** Time out after this long without data, milliseconds. */
  stallMs?: number
  /** Time out after this long in total, milliseconds. */
  totalMs?: number
}

/**
 * Downloads the release that the `electron` package asks for with that package's own downloader (its
 * checksums, cache, mirror and proxy settings) and installs it. Unlike the package's installer, it times out
 * when no data arrives, and it swaps the result in atomically, so a failed attempt leaves the previous
 * runtime in place. @throws Error with a one-line reason
 */
export async function installOfficial(root: string, options: OfficialOptions): Promise<Runtime> {
  const version = await wantedVersion(root)
  const folder = electronPackage(root)
  const resolve = createRequire(path.join(folder, 'index.js')).resolve
  const load = async <T>(name: string) => (await import(pathToFileURL(resolve(name)).href)) as T
  const { downloadArtifact, getHostArch } = await load<ElectronGet>('@electron/get')
  const { extract } = await load<ExtractZip>('@electron-internal/extract-zip')

  const limit = createLimit(options.stallMs ?? 20_000, options.totalMs ?? 15 * 60_000)
  const staging = path.join(folder, `.dist-download-${process.pid}-${Date.now()}`)
  try {
    options.onProgress(`downloading Electron ${version}`)
    const report = percentReporter(options.onProgress)
    const zip = await limit.guard(
      downloadArtifact({
        version,
        artifactName: 'electron',
        platform: process.platform,
        arch: getHostArch(),
        // Same cache as the package's own installer:
        // https://www.electronjs.org/docs/latest/tutorial/installation#cache
        cacheRoot: process.env['electron_config_cache'],
        checksums: JSON.parse(
          await fs.readFile(path.join(folder, 'checksums.json'), 'utf8'),
        ) as Record<string, string>,
        downloadOptions: {
          quiet: true,
          signal: limit.signal,
          getProgressCallback: ({ transferred, total }) => {
            limit.alive()
            report(transferred, total)
          },
        },
      }),
    )
    await extract(zip, { dir: staging })
    await installRuntime(root, staging, 'move')
  } catch (error) {
    throw new Error(`Electron ${version} could not be downloaded: ${explain(error, limit)}`, {
      cause: error,
    })
  } finally {
    limit.stop()
    await fs.rm(staging, { recursive: true, force: true })
  }
  return { executable: path.join(folder, 'dist', executableName()), version, origin: 'official' }
}

type Limit = ReturnType<typeof createLimit>

/** Two timeouts for one download: without data and in total, both in milliseconds. */
function createLimit(stallMs: number, totalMs: number) {
  const controller = new AbortController()
  const after = (ms: number, reason: string): NodeJS.Timeout =>
    setTimeout(() => controller.abort(reason), ms)
  const watchSilence = () => after(stallMs, `nothing arrived for ${stallMs / 1000} s`)
  const total = after(totalMs, `not finished after ${totalMs / 1000} s`)
  let stall = watchSilence()

  return {
    signal: controller.signal,
    /** Why the download was aborted, or null if it was not. */
    reason: () => (controller.signal.aborted ? String(controller.signal.reason) : null),
    alive() {
      clearTimeout(stall)
      stall = watchSilence()
    },
    /** Rejects at the timeout even if the work ignores the signal, as a name lookup does. */
    async guard<T>(work: Promise<T>): Promise<T> {
      return await new Promise<T>((resolve, reject) => {
        controller.signal.addEventListener('abort', () => reject(new Error('gave up')))
        work.then(resolve, reject)
      })
    },
    stop() {
      clearTimeout(stall)
      clearTimeout(total)
    },
  }
}

/** One line for people. `fetch failed` alone is useless, so this adds the cause. */
function explain(error: unknown, limit: Limit): string {
  const gaveUp = limit.reason()
  if (gaveUp) return gaveUp
  const parts: string[] = []
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const code = (at as NodeJS.ErrnoException).code
    const text = at.message.split('\n')[0] || code || at.name
    if (!parts.includes(text)) parts.push(text)
  }
  return parts.join(': ') || String(error)
}

function percentReporter(onProgress: (message: string) => void) {
  let last = 0
  return (transferred: number, total: number | null): void => {
    if (!total) return
    const tenth = Math.floor((transferred / total) * 10)
    if (tenth === last) return
    last = tenth
    onProgress(`downloading Electron: ${tenth * 10} % of ${Math.round(total / 2 ** 20)} MiB`)
  }
}
