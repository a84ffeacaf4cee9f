/** A finding inside the controller: what is shown, and whether the controller starts with it. */
import { AppError, type ErrorCode } from '#shared/contract/errors.ts'
import type { CheckFinding } from '#shared/contract/check.ts'

export type Finding = CheckFinding & {
  /** The start is refused with this code. */
  refusal?: ErrorCode
}

export const toWire = ({ refusal: _, ...finding }: Finding): CheckFinding => finding

/** How somebody gets back what a recovery file holds, when the folder itself cannot start. */
export const RESTORE =
  'To restore a recovery file, start with --start-anew (it moves the old files aside and deletes none) and choose Restore on the first screen'

/** The first finding that keeps the controller from starting, in one sentence with its cure. */
export function refusalOf(findings: readonly Finding[]): AppError | null {
  const first = findings.find(({ refusal }) => refusal !== undefined)
  return first?.refusal ? new AppError(first.refusal, `${first.text} ${first.cure}`) : null
}
