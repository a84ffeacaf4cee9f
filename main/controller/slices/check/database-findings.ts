/** Turns the facts about the database and its folder into findings. Pure. */
import { basename } from 'node:path'
import type { DatabaseFacts } from '../../store/inspect.ts'
import type { LostLog } from '../../store/wal.ts'
import { RESTORE, type Finding } from './finding.ts'

/** Other contents of the data folder that only a used controller can have created. */
export type Besides = {
  keys: boolean
  packages: boolean
  /** A recovery file has been saved. */
  recoverySaved: boolean
}

const LOST: Record<LostLog, string> = {
  missing: 'is missing or empty',
  unreadable: 'is damaged',
  cut: 'is cut off or damaged in the middle',
}

function listBesides(facts: DatabaseFacts, besides: Besides): string {
  const found = [
    besides.keys && 'keys',
    besides.packages && 'packages',
    facts.wal !== 'missing' && facts.wal !== 'empty' && 'a log of the database',
    facts.copies.length > 0 && 'copies of the database',
    (besides.recoverySaved || facts.folderMark !== null) && 'traces of an earlier database',
  ].filter((name) => name !== false)
  return found.length > 1
    ? `${found.slice(0, -1).join(', ')} and ${found.at(-1) ?? ''}`
    : found.join()
}

function copyCure({ file, copies }: DatabaseFacts): string {
  const backup = copies.find((name) => name.includes('.backup-'))
  return backup
    ? `Copy ${backup} to ${basename(file)} and start with --accept-older-database. `
    : ''
}

/**
 * A missing or blank database must not lead to a fresh start beside data that it should contain.
 */
function withoutDatabase(facts: DatabaseFacts, besides: Besides): Finding[] {
  const list = listBesides(facts, besides)
  if (list === '') return []
  const isMissing = facts.state === 'missing'
  const what = isMissing ? 'is missing' : facts.state === 'empty' ? 'is empty' : 'contains no data'
  return [
    {
      code: isMissing ? 'database_missing' : 'database_empty',
      severity: 'error',
      file: facts.file,
      refusal: 'E_DATA_INCOMPLETE',
      text: `The database ${facts.file} ${what}, but its folder contains ${list}.`,
      cure: `Restore the database file along with its -wal file. ${copyCure(facts)}${RESTORE}.`,
    },
  ]
}

const behind = (file: string, text: string): Finding => ({
  code: 'database_behind',
  severity: 'error',
  file,
  refusal: 'E_DATABASE_BEHIND',
  text,
  cure: `Put the right file back. ${RESTORE}. To continue with the current database, start with --accept-older-database.`,
})

function lostChanges(facts: DatabaseFacts): Finding[] {
  const { file, folderMark, mark, lost } = facts
  if (lost !== null)
    return [
      behind(
        `${file}-wal`,
        `The log of the database, ${file}-wal, ${LOST[lost]}: the latest changes are lost with it.`,
      ),
    ]
  if (folderMark === null) return []
  if (mark !== null && mark.database_id !== folderMark.database_id)
    return [behind(file, `The file ${file} is not the last database of this folder.`)]
  if (mark === null || mark.run < folderMark.run)
    return [behind(file, `The database ${file} is older than the last database of this folder.`)]
  return []
}

export function databaseFindings(facts: DatabaseFacts, besides: Besides): Finding[] {
  const { file } = facts
  switch (facts.state) {
    case 'missing':
    case 'empty':
      return withoutDatabase(facts, besides)
    case 'damaged':
      return [
        {
          code: 'database_damaged',
          severity: 'error',
          file,
          text: `The database ${file} is damaged.`,
          cure: `The next start moves it aside and deletes nothing. ${copyCure(facts)}${RESTORE}.`,
        },
      ]
    case 'foreign':
      return [
        {
          code: 'database_foreign',
          severity: 'error',
          file,
          refusal: 'E_DATABASE',
          text: `The file ${file} is a database of another program.`,
          cure: `Put the right file back, or choose another folder with --data. ${RESTORE}.`,
        },
      ]
    case 'newer':
      return [
        {
          code: 'database_newer',
          severity: 'error',
          file,
          text: `The database ${file} was made by a newer version of DeployX.`,
          cure: 'Install that version again.',
        },
      ]
    case 'busy':
      return [
        {
          code: 'database_busy',
          severity: 'warning',
          file,
          text: `Another program has locked the database ${file}, so it was not checked.`,
          cure: 'Wait until that program (a backup, a virus scanner) is done, then check again.',
        },
      ]
    case 'ours': {
      const lost = lostChanges(facts)
      if (lost.length > 0) return lost
      return facts.isBlank && (besides.packages || besides.recoverySaved)
        ? withoutDatabase(facts, besides)
        : []
    }
  }
}
