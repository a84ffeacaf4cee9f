/**
 * `npm run serve`: runs the controller without a window from a bundle, which needs a quarter of the time and half
 * the memory of the sources. The bundle, and the console's pages, are built if they are missing or a source has
 * changed: in a process of its own, because a process that has removed types from TypeScript keeps 30 MiB for it.
 */
import { spawnSync } from 'node:child_process'
import module from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const { status, stdout } = spawnSync(
  process.execPath,
  [join(import.meta.dirname, 'serve-bundle.ts'), ...process.argv.slice(2)],
  { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' },
)
if (status === 0) {
  const { program, compiled } = JSON.parse(stdout)
  module.enableCompileCache(compiled)
  await import(pathToFileURL(program).href)
} else {
  process.exitCode = 1
}
