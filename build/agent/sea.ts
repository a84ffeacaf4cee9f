/**
 * Node's single executable applications
 * (https://nodejs.org/docs/latest-v24.x/api/single-executable-applications.html): the bundle is made into a
 * blob, and the blob is embedded in a copy of Node.
 */
import fs from 'node:fs/promises'
import path from 'node:path'
import { projectRoot } from '../support/project.ts'
import { run } from '../support/run.ts'
import type { AgentTarget } from './targets.ts'

/** The fuse that makes Node run the embedded program. */
export const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'
export const RESOURCE = 'NODE_SEA_BLOB'
/**
 * Start with a young generation of 1 MiB instead of 16: the agent allocates little, and this saves 14 MB of
 * memory per PC without measurable CPU cost.
 */
const NODE_OPTIONS = ['--max-semi-space-size=1']
const BLOB_TIMEOUT_MS = 60_000
const INJECT_TIMEOUT_MS = 5 * 60_000

export type BlobInput = {
  /** A Node for this computer, with the same major version as the one that will carry the blob. */
  builderNode: string
  /**
   * Working folder; the blob stores relative file names, because full paths would make every build differ.
   */
  work: string
  /** File name of the bundle. */
  bundle: string
  /** Files that the program reads with `sea.getRawAsset`. */
  assets: readonly string[]
}

async function must(
  command: string,
  args: string[],
  options: { timeoutMs: number; cwd?: string },
): Promise<void> {
  const { timeoutMs } = options
  const result = await run(command, args, options)
  if (result.code === 0) return
  const why = result.timedOut ? `no end within ${timeoutMs / 1000} s` : result.stderr
  throw new Error(`${path.basename(command)} ${args[0] ?? ''} failed: ${why}`)
}

/** `v24.21.0` → 24 */
export const majorOf = (version: string): number => Number(/^v?(\d+)\./.exec(version)?.[1])

/** @returns path of the blob */
export async function makeBlob(input: BlobInput): Promise<string> {
  const output = 'agent.blob'
  const config = 'sea.json'
  await fs.writeFile(
    path.join(input.work, config),
    JSON.stringify({
      main: input.bundle,
      output,
      disableExperimentalSEAWarning: true,
      // A code cache fits one build of V8 and one processor only; this blob is used on several.
      useCodeCache: false,
      // Ignore Node options from the environment: a service needs none.
      execArgvExtension: 'none',
      execArgv: [...NODE_OPTIONS],
      assets: Object.fromEntries(input.assets.map((name) => [name, name])),
    }),
  )
  const args = ['--experimental-sea-config', config]
  await must(input.builderNode, args, { cwd: input.work, timeoutMs: BLOB_TIMEOUT_MS })
  return path.join(input.work, output)
}

/** Embeds the blob in `executable`, a copy of the target's Node for Linux or macOS. Takes a few seconds. */
export async function inject(target: AgentTarget, executable: string, blob: string): Promise<void> {
  const postject = path.join(projectRoot, 'node_modules', 'postject', 'dist', 'cli.js')
  const segment = target.format === 'mach-o' ? ['--macho-segment-name', 'NODE_SEA'] : []
  const args = [postject, executable, RESOURCE, blob, '--sentinel-fuse', FUSE, ...segment]
  await must(process.execPath, args, { timeoutMs: INJECT_TIMEOUT_MS })
}
