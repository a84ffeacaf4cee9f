/** Key findings in words. Pure. */
import { join } from 'node:path'
import type { KeyIssue, KeyIssueCode } from '../identity/index.ts'
import { RESTORE, type Finding } from './finding.ts'

const PUT_BACK = 'Put the right file back'

const WORDS: Record<KeyIssueCode, { text: (file: string) => string; cure: string }> = {
  key_missing: {
    text: (file) => `The key file ${file} is missing.`,
    cure: `${PUT_BACK}: without it no PC accepts this controller. ${RESTORE}.`,
  },
  key_empty: {
    text: (file) => `The key file ${file} is empty.`,
    cure: `${PUT_BACK}: without it no PC accepts this controller. ${RESTORE}.`,
  },
  key_damaged: {
    text: (file) => `The key file ${file} is damaged.`,
    cure: `${PUT_BACK}: without it no PC accepts this controller. ${RESTORE}.`,
  },
  key_unreadable: {
    text: (file) => `The key file ${file} may not be read by this user.`,
    cure: 'Run DeployX as the user that owns the data folder, or give the file back to this user.',
  },
  key_foreign: {
    text: (file) => `The key file ${file} does not belong to this controller.`,
    cure: `${PUT_BACK}: no PC would accept this one. ${RESTORE}.`,
  },
  keys_of_another_controller: {
    text: (file) => `The keys in ${file} are not the last keys of this controller.`,
    cure: `Put the right folder back: no PC would accept these keys. ${RESTORE}.`,
  },
  keystore_file_missing: {
    text: (file) => `The file ${file}, which decrypts the sealed keys, is missing or empty.`,
    cure: `${PUT_BACK}. ${RESTORE}.`,
  },
  recovery_key_unusable: {
    text: (file) => `The recovery key in ${file} is missing or damaged.`,
    cure: 'Everything works, but no recovery file can be saved. Put the file back from a backup, and keep the last recovery file.',
  },
  key_repairable: {
    text: (file) => `The file ${file} is damaged and can be created again.`,
    cure: 'The next start moves it aside and creates it again.',
  },
  key_replaceable: {
    text: (file) => `The key file ${file} is missing or damaged.`,
    cure: 'The next start creates a new one. Everybody has to sign in again, and downloads restart.',
  },
  arguments_key_replaceable: {
    text: (file) => `The key file ${file} is damaged.`,
    cure: `${PUT_BACK} before the next start, which otherwise moves it aside and creates a new one. Secrets in the arguments of software then have to be entered again.`,
  },
  keys_next_incomplete: {
    text: (file) => `The folder ${file} contains an incomplete key change.`,
    cure: 'The next start moves it aside and keeps the current keys.',
  },
}

export function keyFindings(dataDir: string, issues: readonly KeyIssue[]): Finding[] {
  return issues.map(({ code, file, blocks }): Finding => {
    const path = join(dataDir, file)
    const { text, cure } = WORDS[code]
    return {
      code,
      severity: blocks || code === 'recovery_key_unusable' ? 'error' : 'warning',
      file: path,
      text: text(path),
      cure,
      ...(blocks && { refusal: 'E_KEYS_DAMAGED' as const }),
    }
  })
}
