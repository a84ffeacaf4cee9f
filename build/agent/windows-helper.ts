/** Compiles the agent's small Windows helper (agent/windows-helper/helper.c) if a compiler is available. */
import path from 'node:path'
import { projectRoot } from '../support/project.ts'
import { run } from '../support/run.ts'
import { ensureSystemPackages } from '../system-packages.ts'

/** Its name among the agent's assets. */
export const HELPER_NAME = 'deployx-helper.exe'
const HELPER_SOURCE = 'agent/windows-helper/helper.c'
const COMPILER = 'x86_64-w64-mingw32-gcc'
const COMPILE_TIMEOUT_MS = 2 * 60_000

/**
 * @param linkLimitMs for tests: how long an updated agent has to connect, in milliseconds
 * @returns why there is no helper, or null if it was written to `output`
 */
export async function compileWindowsHelper(
  output: string,
  onProgress: (message: string) => void,
  linkLimitMs?: number,
): Promise<string | null> {
  const packages = await ensureSystemPackages(['windows-compiler'], onProgress)
  const args = [
    '-Os',
    '-s',
    '-municode',
    '-Wall',
    '-Wextra',
    '-Werror',
    '-Wl,--no-insert-timestamp',
  ]
  const source = path.join(projectRoot, HELPER_SOURCE)
  if (linkLimitMs !== undefined) args.push(`-DLINK_LIMIT_MS=${linkLimitMs}`)
  const compile = [...args, '-o', output, source, '-ladvapi32', '-lole32']
  const result = await run(COMPILER, compile, { timeoutMs: COMPILE_TIMEOUT_MS }).catch(() => null)
  if (result === null) return packages.hint ?? `there is no ${COMPILER}`
  if (result.code !== 0) throw new Error(`${HELPER_SOURCE} does not compile:\n${result.stderr}`)
  return null
}
