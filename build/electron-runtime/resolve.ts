import fs from 'node:fs/promises'
import path from 'node:path'
import { projectRoot } from '../support/project.ts'
import { ensureFallbackRuntime, fallbackFolderName, fallbackObstacle } from './fallback.ts'
import { installOfficial } from './official.ts'
import { fallbackMarker, installRuntime, installedRuntime } from './runtime-files.ts'
import type { Runtime } from './runtime-files.ts'
import { ensureSqliteAddon, removeSqliteAddon } from './sqlite-addon.ts'

export type { Origin, Runtime } from './runtime-files.ts'

/** No Electron is available. The message is one line for people; `hint` is the next step. */
export class ElectronUnavailableError extends Error {
  override readonly name = 'ElectronUnavailableError'
  readonly hint: string

  constructor(message: string, hint: string, options?: ErrorOptions) {
    super(message, options)
    this.hint = hint
  }
}

/** The resolver's side effects; tests replace them. */
export interface ResolveSteps {
  installed(): Promise<Runtime | null>
  official(): Promise<Runtime>
  /** Why the fallback cannot be used here, or null. */
  obstacle(): string | null
  fallback(): Promise<Runtime>
  /** Called with the runtime that is about to be returned; makes the native modules fit it. */
  adapt(runtime: Runtime): Promise<void>
}

export interface ResolveOptions {
  /**
   * Whether the fallback from the npm registry may be used when the release is not available. For tests, CI
   * and the demo; users must ask for it explicitly (a flag, or DEPLOYX_ELECTRON_FALLBACK=1 in the
   * environment).
   */
  fallback: 'allow' | 'deny'
  onProgress?: (message: string) => void
  root?: string
  env?: NodeJS.ProcessEnv
  steps?: Partial<ResolveSteps>
}

const fallbackHint =
  'allow the older stand-in for tests and demos with DEPLOYX_ELECTRON_FALLBACK=1, or set ELECTRON_MIRROR'

/**
 * Finds an Electron to run, in this order: the installed one; the release that the `electron` package asks
 * for; and, only if allowed, the fallback from the npm registry. Afterwards the `electron` command,
 * electron-vite and Playwright find it without further setup. @throws ElectronUnavailableError
 */
export async function resolveElectron(options: ResolveOptions): Promise<Runtime> {
  const onProgress = options.onProgress ?? (() => undefined)
  const steps = { ...realSteps(options.root ?? projectRoot, onProgress), ...options.steps }
  const env = options.env ?? process.env
  const allowed = options.fallback === 'allow' || env['DEPLOYX_ELECTRON_FALLBACK'] === '1'

  const runtime = await choose(steps, allowed, onProgress)
  if (runtime.origin === 'registry-fallback') {
    onProgress(`Electron ${runtime.version} is a stand-in from the npm registry: not for users`)
  }
  await steps.adapt(runtime)
  return runtime
}

async function choose(
  steps: ResolveSteps,
  allowed: boolean,
  onProgress: (message: string) => void,
): Promise<Runtime> {
  const installed = await steps.installed()
  if (installed && (installed.origin === 'official' || allowed)) return installed
  try {
    return await steps.official()
  } catch (error) {
    const reason = (error as Error).message
    if (!allowed) throw new ElectronUnavailableError(reason, fallbackHint, { cause: error })
    onProgress(reason)
    const obstacle = steps.obstacle()
    if (obstacle) {
      throw new ElectronUnavailableError(`${reason}; ${obstacle}`, 'set ELECTRON_MIRROR', {
        cause: error,
      })
    }
  }
  try {
    return await steps.fallback()
  } catch (error) {
    const hint = 'check the npm registry and the free disk space'
    throw new ElectronUnavailableError((error as Error).message, hint, { cause: error })
  }
}

function realSteps(root: string, onProgress: (message: string) => void): ResolveSteps {
  return {
    async installed() {
      const runtime = await installedRuntime(root)
      if (runtime?.origin !== 'registry-fallback') return runtime
      const folder = path.dirname(await fs.realpath(runtime.executable))
      return path.basename(folder) === (await fallbackFolderName()) ? runtime : null
    },
    official: () => installOfficial(root, { onProgress }),
    obstacle: () => fallbackObstacle(),
    async fallback() {
      const folder = await ensureFallbackRuntime({ root, onProgress })
      await installRuntime(root, folder, 'link')
      const runtime = await installedRuntime(root)
      if (!runtime)
        throw new Error(`${folder} is incomplete (${fallbackMarker} or a file is missing)`)
      return runtime
    },
    async adapt(runtime) {
      if (runtime.origin === 'official') await removeSqliteAddon(root)
      else await ensureSqliteAddon(root, onProgress)
    },
  }
}
