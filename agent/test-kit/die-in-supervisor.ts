/**
 * The agent, with supervisors that are killed at a moment named by `die.json` in the state folder, a given
 * number of times: `unclaimed`, before it claims the attempt; `claimed`, after that; `spawning`, when it is
 * about to start the installer. `kind`: whether they are shells, or Node, which is used where no shell can be.
 */
import childProcess from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import os from 'node:os'
import { join } from 'node:path'

type Plan = { kind: 'shell' | 'node'; moment: string; times: number }

const [command, folder] = process.argv.slice(2)
const die = (): never => {
  process.kill(process.pid, 'SIGKILL')
  throw new Error('killed')
}
const planFile = (attemptFolder: string): string => join(attemptFolder, '..', '..', 'die.json')

/** Null: this one lives. */
function takePlan(attemptFolder: string): Plan | null {
  const file = planFile(attemptFolder)
  const plan = JSON.parse(readFileSync(file, 'utf8')) as Plan
  if (plan.times <= 0) return null
  writeFileSync(file, JSON.stringify({ ...plan, times: plan.times - 1 }))
  return plan
}

/** The line of the script before which the shell is killed. */
const LINES: Record<string, string> = {
  unclaimed: 'echo ready',
  claimed: ': >"$started"',
  spawning: '(\n  trap -',
}

function mortal(script: string, attemptFolder: string): string {
  const { kind } = JSON.parse(readFileSync(planFile(attemptFolder), 'utf8')) as Plan
  if (kind === 'node') return 'exit 3'
  const line = LINES[takePlan(attemptFolder)?.moment ?? ''] ?? ''
  return line && script.replace(line, () => `kill -9 $$\n${line}`)
}

const spawn = childProcess.spawn as (
  file: string,
  args: string[],
  options: object,
) => childProcess.ChildProcess

if (command === 'supervise' && folder) {
  const plan = takePlan(folder)
  if (plan?.moment === 'unclaimed') die()
  if (plan?.moment === 'claimed') os.getPriority = die
  if (plan?.moment === 'spawning') {
    // Before the installer, the supervisor starts this one short command.
    const spawnUnlessInstaller: typeof spawn = (file, args, options) =>
      file === 'ionice' ? spawn(file, args, options) : die()
    Object.assign(childProcess, { spawn: spawnUnlessInstaller })
  }
} else {
  const mortalSpawn: typeof spawn = (file, args, options) => {
    const at = args.indexOf('supervise')
    if (args[at - 2] !== '-c') return spawn(file, args, options)
    const script = mortal(args[at - 1]!, args[at + 1]!) || args[at - 1]!
    return spawn(file, args.with(at - 1, script), options)
  }
  Object.assign(childProcess, { spawn: mortalSpawn })
}
syncBuiltinESMExports()
await import('../main.ts')
