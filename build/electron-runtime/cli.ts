import { parseArgs } from 'node:util'
import { ElectronUnavailableError, resolveElectron } from './resolve.ts'

const usage = 'usage: node build/electron-runtime/cli.ts [--allow-fallback] [--json]'

/**
 * Resolves Electron and prints its location. Progress goes to stderr. Exit codes: 0 found, 1 not available, 2
 * usage error.
 */
async function main(): Promise<number> {
  let flags
  try {
    flags = parseArgs({
      options: { 'allow-fallback': { type: 'boolean' }, json: { type: 'boolean' } },
    }).values
  } catch (error) {
    console.error(`${(error as Error).message} (${usage})`)
    return 2
  }
  try {
    const runtime = await resolveElectron({
      fallback: flags['allow-fallback'] ? 'allow' : 'deny',
      onProgress: (message) => console.error(message),
    })
    const text = `Electron ${runtime.version} (${runtime.origin}): ${runtime.executable}`
    console.log(flags.json ? JSON.stringify(runtime) : text)
    return 0
  } catch (error) {
    if (!(error instanceof ElectronUnavailableError)) throw error
    console.error(`${error.message}\n${error.hint}`)
    return 1
  }
}

process.exitCode = await main()
