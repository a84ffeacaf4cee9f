/** A finding inside the controller: what is shown, and whether it prevents the start. */
import { AppError, type PlainErrorCode } from '#shared/contract/errors.ts'
import type { CheckFinding } from '#shared/contract/rest/check.ts'
import { coded, type CodedText } from '#shared/domain/coded-texts/codes.ts'
import { compose } from '#shared/domain/coded-texts/compose.ts'

export type Finding = CheckFinding & {
  /** The start is refused with this code. */
  refusal?: PlainErrorCode
}

export const toWire = ({ refusal: _, ...finding }: Finding): CheckFinding => finding

/** Text and cure of a finding: their sentences, and the English texts. */
export const worded = (text: readonly CodedText[], cure: readonly CodedText[]) => ({
  text: text.map(compose).join(' '),
  text_codes: [...text],
  cure: cure.map(compose).join(' '),
  cure_codes: [...cure],
})

/** The finding with another sentence in its text. */
export const extended = (finding: Finding, sentence: CodedText): Finding => ({
  ...finding,
  text: `${finding.text} ${compose(sentence)}`,
  text_codes: [...(finding.text_codes ?? []), sentence],
})

/** How to restore a recovery file if the folder itself cannot start. */
export const RESTORE = coded('cure_restore_recovery_file', {})

/** The first finding that prevents the start, in one sentence with its remedy. */
export function refusalOf(findings: readonly Finding[]): AppError | null {
  const first = findings.find(({ refusal }) => refusal !== undefined)
  return first?.refusal ? new AppError(first.refusal, `${first.text} ${first.cure}`) : null
}
