/** Where the agent's executable lies, and the files of an update beside it: all on one file system, all the administrator's. */
import { basename, dirname, join } from 'node:path'
import { foreignHands } from '../lib/foreign-hands.ts'
import { isSingleExecutable } from '../lib/self.ts'
import { UPDATE_GUARD } from '../service/layout.ts'

export type Places = {
  folder: string
  executable: string
  /** The one that ran before, while the present one is on trial. */
  previous: string
  /** There while an executable is on trial; holds how often it was started. */
  trial: string
  /** Left by whoever starts the agent (start-script.ts, helper.c) when it took an executable back: the reason, one word. */
  verdict: string
  /** What the Windows host took back lies here until it can be removed. */
  failed: string
  /** Nobody but the agent can enter it. */
  workshop: string
  next: string
}

export function placesOf(executable: string): Places {
  const folder = dirname(executable)
  const workshop = join(folder, 'update')
  return {
    folder,
    executable,
    previous: `${executable}.previous`,
    trial: join(folder, 'update-trial'),
    verdict: join(folder, 'update-taken-back'),
    failed: `${executable}.failed`,
    workshop,
    next: join(workshop, basename(executable)),
  }
}

/** Why this program cannot be exchanged where it is, in words, or null. */
export function updateObstacle(env: NodeJS.ProcessEnv = process.env): string | null {
  if (!isSingleExecutable()) return 'It runs from its sources.'
  if (env[UPDATE_GUARD] !== '1')
    return 'It is not installed as a service that can take an update back. Run install-service on the PC once.'
  return foreignHands(process.execPath)
}
