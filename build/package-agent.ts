/**
 * `npm run package:agent [-- --target linux-x64,win-x64]`: builds the agent as one file per platform in
 * dist/agent, which is Node's own executable with the bundled agent inside. Builds are reproducible.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { AGENTS_MANIFEST, type AgentsManifest } from '#shared/contract/agent/update.ts'
import { Sha256 } from '#shared/domain/ids.ts'
import { bundleAgent, type Variant } from './agent/bundle.ts'
import { findNode, installedNode } from './agent/node-binary.ts'
import { FUSE, inject, majorOf, makeBlob, RESOURCE } from './agent/sea.ts'
import { AGENT_TARGETS, DEFAULT_TARGETS, targetsByIds, type AgentTarget } from './agent/targets.ts'
import { writeWindowsExecutable } from './agent/windows-executable.ts'
import { compileWindowsHelper, HELPER_NAME } from './agent/windows-helper.ts'
import { sourceFingerprint } from './build-app.ts'
import { commandLine, refuseCommandLine } from './support/command-line.ts'
import { withLock } from './support/lock.ts'
import { projectRoot } from './support/project.ts'
import { run } from './support/run.ts'

const HELP = `Builds the agent's executables into dist/agent/, unless they are built from these sources.

Usage: npm run package:agent -- [--target ID[,ID...]]

  --target  only these: ${AGENT_TARGETS.map(({ id }) => id).join(', ')}
`
/** The major version of the Node in every agent; the Node that builds it must have the same. */
const NODE_MAJOR = 24
const BUNDLE_NAME = 'agent.cjs'
const LOCK_WAIT_MS = 15 * 60_000

export const agentDist = path.join(projectRoot, 'dist', 'agent')
const SUMS_FILE = 'SHA256SUMS'
/** Records what the files were built from, so that they are rebuilt only if that has changed. */
const STAMP_FILE = '.build.json'

export type PackagedAgent = {
  target: AgentTarget
  file: string
  sha256: string
  sizeBytes: number
  /** What this file lacks, in words. */
  notes: string[]
}

type Made = {
  fingerprint: string
  sha256: string
  notes: string[]
  /** Missing in a stamp of an older build. */
  version?: string
  sizeBytes?: number
}
type Stamp = Record<string, Made>

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash)
  return hash.digest('hex')
}

/**
 * A Node of the right major version for this computer: the one that runs this, or the one that npm installed.
 */
async function builderNode(onProgress: (message: string) => void): Promise<string> {
  if (majorOf(process.version) === NODE_MAJOR) return process.execPath
  const platform = { win32: 'win', darwin: 'macos' }[process.platform as string] ?? process.platform
  const [own] = targetsByIds([`${platform}-${os.arch()}`])
  return await findNode(own!, onProgress)
}

async function signForMac(file: string): Promise<string[]> {
  if (process.platform !== 'darwin')
    return ['not signed: macOS starts it only after `codesign --sign - FILE` on a Mac']
  const result = await run('codesign', ['--force', '--sign', '-', file], { timeoutMs: 120_000 })
  if (result.code !== 0) throw new Error(`codesign failed: ${result.stderr}`)
  return ['signed for this Mac only (ad hoc)']
}

async function readStamp(): Promise<Stamp> {
  try {
    return JSON.parse(await fs.readFile(path.join(agentDist, STAMP_FILE), 'utf8')) as Stamp
  } catch {
    return {}
  }
}

async function writeWhole(name: string, content: string): Promise<void> {
  const temporary = path.join(agentDist, `.${name}.tmp`)
  await fs.writeFile(temporary, content)
  await fs.rename(temporary, path.join(agentDist, name))
}

/** `sha256sum -c SHA256SUMS` checks all files; the manifest gives controllers their versions. */
async function writeSums(stamp: Stamp): Promise<void> {
  const lines: string[] = []
  const agents: AgentsManifest['agents'] = []
  for (const target of AGENT_TARGETS) {
    const made = stamp[target.id]
    if (!made) continue
    lines.push(`${made.sha256}  ${target.fileName}\n`)
    const { version, sizeBytes } = made
    if (version === undefined || sizeBytes === undefined) continue
    agents.push(manifestEntry(target, { version, sizeBytes, sha256: made.sha256 }))
  }
  await writeWhole(SUMS_FILE, lines.join(''))
  await writeWhole(AGENTS_MANIFEST, JSON.stringify({ agents } satisfies AgentsManifest, null, 2))
  await writeWhole(STAMP_FILE, JSON.stringify(stamp))
}

export const manifestEntry = (
  target: AgentTarget,
  made: { version: string; sizeBytes: number; sha256: string },
): AgentsManifest['agents'][number] => ({
  file_name: target.fileName,
  version: made.version,
  sha256: Sha256.parse(made.sha256),
  size_bytes: made.sizeBytes,
})

/**
 * Builds the agents for these targets, except those that are already built from the same sources. Safe to
 * call from several processes at the same time.
 */
export async function packageAgents(
  targets: readonly AgentTarget[],
  onProgress: (message: string) => void,
): Promise<PackagedAgent[]> {
  await fs.mkdir(agentDist, { recursive: true })
  const lock = path.join(projectRoot, 'node_modules', '.cache', 'deployx', 'package-agent.lock')
  const wait = { waitMs: LOCK_WAIT_MS, onWait: () => onProgress('another build is running') }
  return await withLock(lock, wait, async () => {
    const work = await fs.mkdtemp(path.join(agentDist, '.work-'))
    try {
      return await makeAll(targets, work, onProgress)
    } finally {
      await fs.rm(work, { recursive: true, force: true })
    }
  })
}

async function makeAll(
  targets: readonly AgentTarget[],
  work: string,
  onProgress: (message: string) => void,
): Promise<PackagedAgent[]> {
  const sources = await sourceFingerprint(projectRoot, [
    'agent',
    'shared',
    'build/agent',
    'package.json',
  ])
  const stamp = await readStamp()
  let builder: string | null = null
  for (const target of targets) {
    const file = path.join(agentDist, target.fileName)
    const before = stamp[target.id]
    const node = await findNode(target, onProgress)
    const fingerprint = `${sources} ${(await fs.stat(node)).size} ${node}`
    const isPresent =
      before?.fingerprint === fingerprint &&
      before.version !== undefined &&
      (await isSame(file, before.sha256))
    // A compiler may have been installed since.
    if (isPresent && !before.notes.some((note) => note.includes('helper'))) continue
    onProgress(`making ${target.fileName}`)
    if (builder === null) {
      builder = await builderNode(onProgress)
      await bundleAgent(path.join(work, BUNDLE_NAME), NODE_MAJOR)
    }
    delete stamp[target.id]
    await writeSums(stamp)
    const notes = await makeOne({ target, node, builder, work, onProgress })
    await fs.rename(path.join(work, target.fileName), file)
    const { version } = JSON.parse(
      await fs.readFile(path.join(projectRoot, 'package.json'), 'utf8'),
    ) as { version: string }
    const sizeBytes = (await fs.stat(file)).size
    stamp[target.id] = { fingerprint, sha256: await sha256Of(file), notes, version, sizeBytes }
    await writeSums(stamp)
  }
  return await Promise.all(
    targets.map(async (target) => {
      const file = path.join(agentDist, target.fileName)
      const { sha256, notes } = stamp[target.id]!
      return { target, file, sha256, sizeBytes: (await fs.stat(file)).size, notes }
    }),
  )
}

const isSame = (file: string, sha256: string): Promise<boolean> =>
  sha256Of(file).then(
    (found) => found === sha256,
    () => false,
  )

/** Leaves the executable in `work` under its own name. */
async function makeOne(step: {
  target: AgentTarget
  node: string
  builder: string
  work: string
  onProgress: (message: string) => void
  variant?: Variant
}): Promise<string[]> {
  const { target, work, onProgress } = step
  const notes: string[] = []
  const assets: string[] = []
  if (target.format === 'pe') {
    const helper = path.join(work, HELPER_NAME)
    const lack = await compileWindowsHelper(helper, onProgress, step.variant?.linkLimitMs)
    if (lack === null) assets.push(HELPER_NAME)
    else notes.push(`without its helper (no service, no job object): ${lack}`)
  }
  const blob = await makeBlob({ builderNode: step.builder, work, bundle: BUNDLE_NAME, assets })
  const executable = path.join(work, target.fileName)
  if (target.format === 'pe') {
    const names = { resource: RESOURCE, fuse: FUSE }
    await writeWindowsExecutable({ node: step.node, blob, ...names, output: executable })
    return [...notes, 'not signed (Authenticode)']
  }
  await fs.copyFile(step.node, executable)
  await fs.chmod(executable, 0o755)
  if (target.format === 'mach-o' && process.platform === 'darwin')
    await run('codesign', ['--remove-signature', executable], { timeoutMs: 120_000 })
  await inject(target, executable, blob)
  return target.format === 'mach-o' ? [...notes, ...(await signForMac(executable))] : notes
}

/**
 * Builds another version of an agent for tests, in a separate folder but under the target's file name.
 * @param adapt changes the built file before its hash is computed
 */
export async function packageVariant(
  target: AgentTarget,
  folder: string,
  variant: Variant,
  adapt: (file: string) => Promise<void>,
): Promise<AgentsManifest['agents'][number]> {
  const onProgress = (message: string): void => console.error(message)
  const work = await fs.mkdtemp(path.join(folder, '.work-'))
  try {
    const node = await findNode(target, onProgress)
    const builder = await builderNode(onProgress)
    await bundleAgent(path.join(work, BUNDLE_NAME), NODE_MAJOR, variant)
    await makeOne({ target, node, builder, work, onProgress, variant })
    const built = path.join(work, target.fileName)
    await adapt(built)
    const file = path.join(folder, target.fileName)
    await fs.rename(built, file)
    const sizeBytes = (await fs.stat(file)).size
    const sha256 = await sha256Of(file)
    return manifestEntry(target, { version: variant.version, sizeBytes, sha256 })
  } finally {
    await fs.rm(work, { recursive: true, force: true })
  }
}

async function chosenTargets(named: string | undefined): Promise<AgentTarget[]> {
  if (named !== undefined) return targetsByIds(named.split(','))
  const installed = await Promise.all(
    AGENT_TARGETS.map(async (t) => DEFAULT_TARGETS.includes(t.id) || (await installedNode(t))),
  )
  return AGENT_TARGETS.filter((_, index) => installed[index])
}

async function main(): Promise<number> {
  const { target } = commandLine(HELP, { target: { type: 'string' } })
  let targets: AgentTarget[]
  try {
    targets = await chosenTargets(target)
  } catch (error) {
    refuseCommandLine(error, HELP)
  }
  try {
    for (const made of await packageAgents(targets, (message) => console.error(message))) {
      const size = `${(made.sizeBytes / 2 ** 20).toFixed(0)} MiB`
      console.log(`${path.relative(projectRoot, made.file)}  ${size}  ${made.sha256}`)
      for (const note of made.notes) console.log(`  ${note}`)
    }
    return 0
  } catch (error) {
    console.error((error as Error).message)
    return 1
  }
}

if (import.meta.main) process.exitCode = await main()
