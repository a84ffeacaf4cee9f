/**
 * The agent's `run` with a FAKE restart command: `node fake-restart.ts FOLDER run …`. Nothing on this
 * computer is restarted: calls are written to FOLDER/calls, one JSON per line, and return exit code 0 (or the
 * content of FOLDER/exit). The boot id is the content of FOLDER/boot at the start. While FOLDER/dies exists,
 * the agent kills itself instead of calling.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { uptime } from 'node:os'
import { join } from 'node:path'
import { BootId } from '#shared/contract/agent/restart.ts'
import { runAgentCommand } from '../cli/run.ts'
import { parseArguments } from '../cli/usage.ts'
import { readHardwareId } from '../facts/hardware.ts'
import type { RestartTools } from '../restart/tools.ts'

const [folder = '', , ...words] = process.argv.slice(2)
process.argv[1] = join(import.meta.dirname, '..', 'main.ts')
const boot_id = BootId.parse(readFileSync(join(folder, 'boot'), 'utf8'))
const tools: RestartTools = {
  platform: 'linux',
  uptimeSeconds: uptime,
  ability: () => Promise.resolve({ possible: true, boot_id }),
  run(call) {
    if (existsSync(join(folder, 'dies'))) process.kill(process.pid, 'SIGKILL')
    appendFileSync(join(folder, 'calls'), JSON.stringify(call.args) + '\n')
    const exit = join(folder, 'exit')
    const code = existsSync(exit) ? Number(readFileSync(exit, 'utf8')) : 0
    return Promise.resolve({
      code,
      stdout: '',
      stderr: code === 0 ? '' : 'refused',
      missing: false,
    })
  },
}
try {
  process.exitCode = await runAgentCommand(parseArguments('run', words), readHardwareId, tools)
} catch (error) {
  process.stderr.write(`${String(error)}\n`)
  process.exitCode = 1
}
