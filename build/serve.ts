/**
 * `npm run serve`: builds the console's pages if they are missing, then runs the controller without a window.
 */
import { ensureBuilt } from './build-app.ts'

/** Options that only print information need no build. */
const asksOnly = process.argv.some((arg) => ['--help', '-h', '--version', '--check'].includes(arg))

try {
  if (!asksOnly) await ensureBuilt()
  await import('../main/headless.ts')
} catch (error) {
  console.error(`deployx: ${(error as Error).message}`)
  process.exitCode = 1
}
