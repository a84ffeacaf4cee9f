/** A finding inside the controller: what is shown, and whether it prevents the start. */
import { AppError, type PlainErrorCode } from '#shared/contract/errors.ts'
import type { CheckFinding } from '#shared/contract/rest/check.ts'

export type Finding = CheckFinding & {
  /** The start is refused with this code. */
  refusal?: PlainErrorCode
}

export const toWire = ({ refusal: _, ...finding }: Finding): CheckFinding => finding

/** How to restore a recovery file if the folder itself cannot start. */
export const RESTORE =
  'To restore a recovery file, start with --start-over (it moves the old files aside and deletes none) and choose Restore on the first screen'

/** The first finding that prevents the start, in one sentence with its remedy. */
export function refusalOf(findings: readonly Finding[]): AppError | null {
  const first = findings.find(({ refusal }) => refusal !== undefined)
  return first?.refusal ? new AppError(first.refusal, `${first.text} ${first.cure}`) : null
}
