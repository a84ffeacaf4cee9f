/** Finds built files that no engine can load, such as a bundle that declares a name twice: the bundler does not notice. */
import path from 'node:path'
import { run } from './support/run.ts'

const LIMIT_MS = 2 * 60_000

/** In a separate process, because the parser for modules needs a flag. @throws Error that names each file that does not parse */
export async function checkParses(folder: string): Promise<void> {
  const parser = path.join(import.meta.dirname, 'support', 'parse-files.ts')
  const flags = ['--no-warnings', '--experimental-vm-modules']
  const result = await run(process.execPath, [...flags, parser, folder], { timeoutMs: LIMIT_MS })
  if (result.code !== 0)
    throw new Error(`the built files could not be parsed:\n${result.stdout}${result.stderr}`)
  const problems = JSON.parse(result.stdout) as string[]
  if (problems.length > 0)
    throw new Error(`the build made files that do not parse:\n${problems.join('\n')}`)
}
