/**
 * The agent's `run` with another hardware id, for tests that need several PCs on one computer: `node
 * on-hardware.ts HARDWARE_ID run …`. Everything else, including its supervisor, is the real agent.
 */
import { join } from 'node:path'
import { runAgentCommand } from '../cli/run.ts'
import { parseArguments } from '../cli/usage.ts'

const [hardwareId = '', , ...words] = process.argv.slice(2)
process.argv[1] = join(import.meta.dirname, '..', 'main.ts')
try {
  process.exitCode = await runAgentCommand(parseArguments('run', words), () =>
    Promise.resolve(hardwareId),
  )
} catch (error) {
  process.stderr.write(`${String(error)}\n`)
  process.exitCode = 1
}
