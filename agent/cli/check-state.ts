import { peekIdentity } from '../identity/identity.ts'
import { stateFolder } from '../identity/state-folder.ts'
import { isJournalReadable } from '../journal/journal.ts'
import { AgentFailure } from '../lib/failure.ts'

/**
 * `check-state DIR`: whether this version can use the state that another version has written. Changes
 * nothing, and may run while that other version runs.
 */
export function checkStateCommand(path: string): number {
  const folder = stateFolder(path)
  if (peekIdentity(folder.identityFile).enrollment === null)
    throw new AgentFailure(`${folder.path} is not the state folder of an enrolled agent.`)
  if (!isJournalReadable(folder.journalFile))
    throw new AgentFailure(`The journal in ${folder.path} cannot be read.`)
  process.stdout.write('ok\n')
  return 0
}
