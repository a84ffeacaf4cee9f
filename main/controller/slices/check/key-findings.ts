/** Key findings in words. Pure. */
import { join } from 'node:path'
import { coded, type TextCode } from '#shared/domain/coded-texts/codes.ts'
import type { KeyIssue, KeyIssueCode } from '../identity/index.ts'
import { RESTORE, worded, type Finding } from './finding.ts'

/** The text of each issue, and its cure. */
const CODES = {
  key_missing: ['check_key_missing', 'cure_put_key_back'],
  key_empty: ['check_key_empty', 'cure_put_key_back'],
  key_damaged: ['check_key_damaged', 'cure_put_key_back'],
  key_unreadable: ['check_key_unreadable', 'cure_run_as_owner'],
  key_foreign: ['check_key_foreign', 'cure_put_own_key_back'],
  keys_of_another_controller: ['check_keys_of_another', 'cure_put_keys_back'],
  keystore_file_missing: ['check_keystore_file_missing', 'cure_put_back'],
  recovery_key_unusable: ['check_recovery_key_unusable', 'cure_recovery_key'],
  key_repairable: ['check_key_repairable', 'cure_key_is_repaired'],
  key_replaceable: ['check_key_replaceable', 'cure_key_is_replaced'],
  arguments_key_replaceable: ['check_key_replaceable', 'cure_arguments_key'],
  keys_next_incomplete: ['check_keys_next_incomplete', 'cure_keys_next_moves'],
} as const satisfies Record<KeyIssueCode, [text: TextCode, cure: TextCode]>

/** Where a recovery file is another way out. */
const RESTORABLE: readonly KeyIssueCode[] = [
  ...(['key_missing', 'key_empty', 'key_damaged', 'key_foreign'] as const),
  ...(['keys_of_another_controller', 'keystore_file_missing'] as const),
]

export function keyFindings(dataDir: string, issues: readonly KeyIssue[]): Finding[] {
  return issues.map(({ code, file, blocks }): Finding => {
    const path = join(dataDir, file)
    const [text, cure] = CODES[code]
    return {
      code,
      severity: blocks || code === 'recovery_key_unusable' ? 'error' : 'warning',
      file: path,
      ...worded(
        [coded(text, { file: path })],
        [coded(cure, {}), ...(RESTORABLE.includes(code) ? [RESTORE] : [])],
      ),
      ...(blocks && { refusal: 'E_KEYS_DAMAGED' as const }),
    }
  })
}
