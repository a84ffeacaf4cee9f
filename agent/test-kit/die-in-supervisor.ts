/**
 * The agent, with supervisors that are killed at a moment named by `die.json` in the state folder, a given
 * number of times: `unclaimed`, before it claims the attempt; `claimed`, after that; `spawning`, when it is
 * about to start the installer.
 */
import childProcess from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import os from 'node:os'
import { join } from 'node:path'

const [verb, folder] = process.argv.slice(2)
const die = (): never => {
  process.kill(process.pid, 'SIGKILL')
  throw new Error('killed')
}
if (verb === 'supervise' && folder) {
  const file = join(folder, '..', '..', 'die.json')
  const plan = JSON.parse(readFileSync(file, 'utf8')) as { moment: string; times: number }
  if (plan.times > 0) {
    writeFileSync(file, JSON.stringify({ ...plan, times: plan.times - 1 }))
    if (plan.moment === 'unclaimed') die()
    if (plan.moment === 'claimed') os.getPriority = die
    if (plan.moment === 'spawning') childProcess.spawn = die
    syncBuiltinESMExports()
  }
}
await import('../main.ts')
