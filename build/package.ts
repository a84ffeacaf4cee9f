import { Arch, Platform, build } from 'electron-builder'
import fs from 'node:fs/promises'
import path from 'node:path'
import { DEFAULT_TARGETS, targetsByIds } from './agent/targets.ts'
import { ensureBuilt } from './build-app.ts'
import { createBuilderConfig, fusesOf } from './electron-builder.config.ts'
import type { PackageVariant } from './electron-builder.config.ts'
import { ElectronUnavailableError, resolveElectron } from './electron-runtime/resolve.ts'
import type { Runtime } from './electron-runtime/resolve.ts'
import { wrongFuses } from './fuses.ts'
import { packageAgents } from './package-agent.ts'
import { commandLine } from './support/command-line.ts'
import { projectRoot } from './support/project.ts'

const HELP = `Builds the app and its installers for this computer's platform into dist/.

Usage: npm run package -- [--dir] [--allow-fallback] [--inspectable]

  --dir             only the folder with the app, no installers
  --allow-fallback  with another build of Electron, if the release cannot be had; the result is not a release
  --inspectable     leaves the inspector on, as the specs need it; only the folder, and not a release
`

export interface PackageOptions {
  /** Only the unpacked folder, no installers. */
  dirOnly?: boolean
  /** Package the fallback Electron if the release is not available; the result is not a release. */
  allowFallback?: boolean
  /** Leave the inspector fuse on, as Playwright needs it; unpacked folder only, not a release. */
  inspectable?: boolean
  onProgress?: (message: string) => void
}

export interface PackageResult {
  variant: PackageVariant
  electron: Runtime
  /** Folder of the unpacked app, absolute. */
  appDir: string
  /** The app's executable in that folder, absolute. */
  executable: string
  /** Installers and archives, absolute. */
  artifacts: string[]
  /** Targets that could not be made here, each with the reason. */
  skipped: { target: string; reason: string }[]
}

/**
 * Builds the app and packages it for this computer's platform. @throws ElectronUnavailableError if there is
 * no Electron to package, Error if building or packaging fails
 */
export async function packageApp(options: PackageOptions = {}): Promise<PackageResult> {
  const onProgress = options.onProgress ?? (() => undefined)
  const electron = await resolveElectron({
    fallback: options.allowFallback ? 'allow' : 'deny',
    onProgress,
  })
  await ensureBuilt({ onProgress })
  const variant = chooseVariant(electron, options.inspectable ?? false)
  // Releases include newly built agents; test packages include whatever agents are already built.
  if (variant === 'release') await packageAgents(targetsByIds(DEFAULT_TARGETS), onProgress)
  const dirOnly = (options.dirOnly ?? false) || variant === 'inspectable'
  const plan = await planTargets(electron, dirOnly)
  const dist = await distFolder(electron)
  const config = createBuilderConfig({
    variant,
    // A release has installers for other architectures too; electron-builder downloads Electron for each.
    ...((dirOnly || electron.origin !== 'official') && {
      electron: {
        dist,
        version: electron.version,
        isFallback: electron.origin === 'registry-fallback',
      },
    }),
  })
  const output = path.resolve(projectRoot, config.directories?.output ?? 'dist')
  await removeUnpacked(output)
  Object.assign(process.env, plan.env)
  const artifacts = await build({
    projectDir: projectRoot,
    config,
    targets: Platform.current().createTarget(plan.targets, ...plan.archs),
    publish: 'never',
  })
  const appDir = path.join(output, unpackedFolder())
  const executable = path.join(appDir, executablePathInApp())
  const wrong = await wrongFuses(executable, fusesOf(variant))
  if (wrong.length > 0)
    throw new Error(
      `The package is invalid: these fuses have the wrong value in ${executable}: ${wrong.join(', ')}.`,
    )
  return {
    variant,
    electron,
    appDir,
    executable,
    artifacts: artifacts.filter((file) => path.dirname(file) === output),
    skipped: plan.skipped,
  }
}

/** `inspectable` takes precedence; only an official Electron makes a release. */
export function chooseVariant(
  electron: Pick<Runtime, 'origin'>,
  inspectable: boolean,
): PackageVariant {
  if (inspectable) return 'inspectable'
  return electron.origin === 'official' ? 'release' : 'not-a-release'
}

interface TargetPlan {
  /** Empty: all targets that the configuration names for this platform. */
  targets: string[]
  archs: Arch[]
  env: Record<string, string>
  skipped: { target: string; reason: string }[]
}

/**
 * Decides what can be packaged here. For a release, electron-builder downloads its tools. Where even Electron
 * could not be downloaded, the tools cannot be either, so only targets that the system's own tools can build
 * are tried.
 */
async function planTargets(electron: Runtime, dirOnly: boolean): Promise<TargetPlan> {
  const archs = [process.arch === 'arm64' ? Arch.arm64 : Arch.x64]
  if (dirOnly) return { targets: ['dir'], archs, env: {}, skipped: [] }
  if (electron.origin === 'official') return { targets: [], archs: [], env: {}, skipped: [] }

  const plan: TargetPlan = { targets: ['dir'], archs, env: {}, skipped: [] }
  const sevenZip = await findProgram('7za')
  if (sevenZip) {
    plan.targets.push('tar.gz')
    plan.env['ELECTRON_BUILDER_7ZIP_PATH'] = sevenZip
  } else {
    plan.skipped.push({ target: 'tar.gz', reason: 'needs 7za: apt-get install p7zip-full' })
  }
  if (await findProgram('dpkg-deb')) {
    plan.targets.push('deb')
    plan.env['CUSTOM_FPM_PATH'] = path.join(import.meta.dirname, 'installer', 'fpm-by-dpkg.ts')
    // Its first line is `env node`, which must find the Node that runs this.
    plan.env['PATH'] =
      `${path.dirname(process.execPath)}${path.delimiter}${process.env['PATH'] ?? ''}`
  } else {
    plan.skipped.push({ target: 'deb', reason: 'needs dpkg-deb' })
  }
  plan.skipped.push({ target: 'AppImage', reason: 'its tools have to be downloaded' })
  return plan
}

/** Absolute path of a program on PATH, or null. */
async function findProgram(name: string): Promise<string | null> {
  for (const folder of (process.env['PATH'] ?? '').split(path.delimiter)) {
    const file = path.resolve(folder, name)
    const usable = await fs.access(file, fs.constants.X_OK).then(
      () => true,
      () => false,
    )
    if (usable) return file
  }
  return null
}

/**
 * The folder that contains Electron, with links resolved: on macOS the executable is deep inside a bundle.
 */
async function distFolder(electron: Runtime): Promise<string> {
  const levels = process.platform === 'darwin' ? '../../../..' : '..'
  return await fs.realpath(path.resolve(electron.executable, levels))
}

/** electron-builder copies over existing files; files from an earlier package must not remain. */
async function removeUnpacked(output: string): Promise<void> {
  await fs.rm(path.join(output, unpackedFolder()), { recursive: true, force: true })
}

function unpackedFolder(): string {
  const arch = process.arch === 'arm64' ? '-arm64' : ''
  switch (process.platform) {
    case 'win32':
      return `win${arch}-unpacked`
    case 'darwin':
      return `mac${arch}`
    default:
      return `linux${arch}-unpacked`
  }
}

function executablePathInApp(): string {
  switch (process.platform) {
    case 'win32':
      return 'DeployX.exe'
    case 'darwin':
      return 'DeployX.app/Contents/MacOS/DeployX'
    default:
      return 'deployx'
  }
}

async function main(): Promise<number> {
  const flags = commandLine(HELP, {
    'allow-fallback': { type: 'boolean' },
    dir: { type: 'boolean' },
    inspectable: { type: 'boolean' },
  })
  try {
    const result = await packageApp({
      dirOnly: flags.dir,
      allowFallback: flags['allow-fallback'],
      inspectable: flags.inspectable,
      onProgress: (message) => console.error(message),
    })
    await report(result)
    return 0
  } catch (error) {
    console.error((error as Error).message)
    if (error instanceof ElectronUnavailableError) console.error(error.hint)
    return 1
  }
}

async function report(result: PackageResult): Promise<void> {
  const show = (file: string) => path.relative(projectRoot, file)
  console.log(`\napp       ${show(result.appDir)} (Electron ${result.electron.version})`)
  for (const file of result.artifacts) {
    const { size } = await fs.stat(file)
    console.log(`artifact  ${show(file)} (${(size / 2 ** 20).toFixed(1)} MiB)`)
  }
  for (const { target, reason } of result.skipped) console.log(`skipped   ${target}: ${reason}`)
  if (result.variant !== 'release') {
    console.log(`\n*** NOT A RELEASE (${result.variant}): for tests only, do not distribute ***`)
  }
}

if (import.meta.main) process.exitCode = await main()
