import { lastLine, run } from '../support/run.ts'
import { systemPackagesCommand } from '../system-packages.ts'

export type Probe =
  { ok: true; electron: string; node: string; napi: string } | { ok: false; reason: string }

/**
 * Starts Electron as plain Node to check whether this system can load it; needs no display. Works only if the
 * run-as-node fuse is on, which is off in a packaged DeployX. The reason is one line that says what to do.
 */
export async function probeElectron(executable: string): Promise<Probe> {
  const script = 'const v = process.versions; console.log(JSON.stringify(v))'
  const result = await run(executable, ['-e', script], {
    timeoutMs: 20_000,
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1', NODE_OPTIONS: '' },
  }).catch((error: Error) => error)
  if (result instanceof Error) return { ok: false, reason: result.message }
  if (result.timedOut) return { ok: false, reason: 'Electron did not start within 20 s' }
  if (result.code !== 0) return { ok: false, reason: explainStart(result.stderr) }
  const versions = JSON.parse(result.stdout) as { electron: string; node: string; modules: string }
  return { ok: true, ...pick(versions) }
}

function pick(versions: Record<string, string>): { electron: string; node: string; napi: string } {
  return {
    electron: versions['electron'] ?? '?',
    node: versions['node'] ?? '?',
    napi: versions['napi'] ?? '?',
  }
}

/** The loader's message names the missing library; this maps it to its Debian package. */
export function explainStart(stderr: string): string {
  const library = /error while loading shared libraries: ([^:]+):/.exec(stderr)?.[1]
  return library
    ? `Electron lacks the system library ${library}: ${systemPackagesCommand(['electron'])}`
    : `Electron does not start: ${lastLine(stderr) || 'no message'}`
}
