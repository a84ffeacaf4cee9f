/** Turns the facts about the database and its folder into findings. Pure. */
import { basename } from 'node:path'
import { coded, type CodedText, type TextCode } from '#shared/domain/coded-texts/codes.ts'
import type { DatabaseFacts } from '../../store/inspect.ts'
import type { LostLog } from '../../store/wal.ts'
import { RESTORE, worded, type Finding } from './finding.ts'

/** Other contents of the data folder that only a used controller can have created. */
export type Besides = {
  keys: boolean
  packages: boolean
  /** A recovery file has been saved. */
  recoverySaved: boolean
}

const LOST = {
  missing: 'check_log_missing',
  unreadable: 'check_log_unreadable',
  cut: 'check_log_cut',
} as const satisfies Record<LostLog, TextCode>

const flag = (is: boolean): 1 | undefined => (is ? 1 : undefined)
const listBesides = (facts: DatabaseFacts, besides: Besides) => ({
  keys: flag(besides.keys),
  packages: flag(besides.packages),
  log: flag(facts.wal !== 'missing' && facts.wal !== 'empty'),
  copies: flag(facts.copies.length > 0),
  traces: flag(besides.recoverySaved || facts.folderMark !== null),
})

function copyCure({ file, copies }: DatabaseFacts): CodedText[] {
  const backup = copies.find((name) => name.includes('.backup-'))
  return backup ? [coded('cure_copy_backup', { backup, file: basename(file) })] : []
}

/**
 * A missing or blank database must not lead to a fresh start beside data that it should contain.
 */
function withoutDatabase(facts: DatabaseFacts, besides: Besides): Finding[] {
  const list = listBesides(facts, besides)
  if (Object.values(list).every((found) => found === undefined)) return []
  const { state } = facts
  const what = state === 'missing' || state === 'empty' ? state : 'blank'
  return [
    {
      code: what === 'missing' ? 'database_missing' : 'database_empty',
      severity: 'error',
      file: facts.file,
      refusal: 'E_DATA_INCOMPLETE',
      ...worded(
        [coded(`check_database_${what}`, { file: facts.file, ...list })],
        [coded('cure_restore_database', {}), ...copyCure(facts), RESTORE],
      ),
    },
  ]
}

const behind = (file: string, text: CodedText): Finding => ({
  code: 'database_behind',
  severity: 'error',
  file,
  refusal: 'E_DATABASE_BEHIND',
  ...worded([text], [coded('cure_put_back', {}), RESTORE, coded('cure_accept_older', {})]),
})

function lostChanges(facts: DatabaseFacts): Finding[] {
  const { file, folderMark, mark, lost } = facts
  if (lost !== null) return [behind(`${file}-wal`, coded(LOST[lost], { file: `${file}-wal` }))]
  if (folderMark === null) return []
  if (mark !== null && mark.database_id !== folderMark.database_id)
    return [behind(file, coded('check_database_other', { file }))]
  if (mark === null || mark.run < folderMark.run)
    return [behind(file, coded('check_database_older', { file }))]
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
          ...worded(
            [coded('check_database_damaged', { file })],
            [coded('cure_database_moves', {}), ...copyCure(facts), RESTORE],
          ),
        },
      ]
    case 'foreign':
      return [
        {
          code: 'database_foreign',
          severity: 'error',
          file,
          refusal: 'E_DATABASE',
          ...worded(
            [coded('check_database_foreign', { file })],
            [coded('cure_put_back_or_choose', {}), RESTORE],
          ),
        },
      ]
    case 'newer':
      return [
        {
          code: 'database_newer',
          severity: 'error',
          file,
          ...worded([coded('check_database_newer', { file })], [coded('cure_install_newer', {})]),
        },
      ]
    case 'busy':
      return [
        {
          code: 'database_busy',
          severity: 'warning',
          file,
          ...worded([coded('check_database_busy', { file })], [coded('cure_wait_for_program', {})]),
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
