/** Findings of a check of the controller: data folder, keys, packages, space and addresses. */
import { z } from 'zod'
import { AnyParams, TextCode } from '../../domain/coded-texts/codes.ts'
import { Timestamp } from './common.ts'

export const CHECK_CODES = [
  'database_missing',
  'database_empty',
  'database_damaged',
  'database_foreign',
  'database_newer',
  'database_busy',
  'database_behind',
  'key_missing',
  'key_empty',
  'key_damaged',
  'key_unreadable',
  'key_foreign',
  'keys_of_another_controller',
  'keystore_file_missing',
  'recovery_key_unusable',
  'key_repairable',
  'key_replaceable',
  'arguments_key_replaceable',
  'secrets_unreadable',
  'keys_next_incomplete',
  'folder_missing',
  'folder_open',
  'folder_foreign',
  'disk_full',
  'disk_low',
  'content_missing',
  'content_damaged',
  'content_unreadable',
  'content_unknown',
  'content_aside',
  'no_network',
  'check_failed',
] as const
export const CheckCode = z.enum(CHECK_CODES)
export type CheckCode = z.infer<typeof CheckCode>

/** A sentence as a code with parameters (domain/coded-texts). */
const CodedSentence = z.object({ code: TextCode, params: AnyParams })

export const CheckFinding = z.object({
  code: CheckCode,
  /** `info` is not a fault. */
  severity: z.enum(['error', 'warning', 'info']),
  /** Path of the file or folder concerned. */
  file: z.string().optional(),
  /** What is wrong, in English. */
  text: z.string(),
  /** What to do about it, in English. */
  cure: z.string(),
  /** The sentences of both as codes with parameters. Left out in reports of earlier versions. */
  text_codes: z.array(CodedSentence).optional(),
  cure_codes: z.array(CodedSentence).optional(),
})
export type CheckFinding = z.infer<typeof CheckFinding>

export const CheckReport = z.object({
  /** True if all findings are `info`. */
  ok: z.boolean(),
  findings: z.array(CheckFinding),
})
export type CheckReport = z.infer<typeof CheckReport>

export const CHECK_STEPS = ['database', 'keys', 'folder', 'content'] as const
export type CheckStep = (typeof CHECK_STEPS)[number]

export const CheckStatus = z.object({
  state: z.enum(['idle', 'running', 'done', 'canceled', 'failed']),
  step: z.enum(CHECK_STEPS).nullable(),
  /** Bytes of packages read so far, and in total. */
  done_bytes: z.number().int().nonnegative(),
  total_bytes: z.number().int().nonnegative(),
  started_at: Timestamp.nullable(),
  ended_at: Timestamp.nullable(),
  /** Of the last completed check. */
  report: CheckReport.nullable(),
})
export type CheckStatus = z.infer<typeof CheckStatus>

export const reportOf = (findings: readonly CheckFinding[]): CheckReport => ({
  ok: findings.every(({ severity }) => severity === 'info'),
  findings: [...findings],
})
