/** What follows when an agent reconnects and lists the attempts that it holds. Pure. */
import type { AttemptId } from '#shared/domain/ids.ts'
import type { TargetState } from '#shared/domain/target-state.ts'
import type { TargetRow } from '../tables/rows.ts'
import type { AttemptReport } from './report.ts'

/**
 * A held attempt that was not acknowledged has been accepted, so its answer is no longer needed. One that it does not hold is
 * sent again if it was not acknowledged, and lost otherwise.
 * @param open the open targets of its device
 */
export const reportsOnReturn = (
  open: readonly Pick<TargetRow, 'attempt_id' | 'deployment_status'>[],
  held: ReadonlySet<AttemptId>,
): { attemptId: AttemptId; report: AttemptReport }[] =>
  open.flatMap((target) => {
    const { attempt_id: attemptId } = target
    const report = attemptId && reportOnReturn(target.deployment_status, held.has(attemptId))
    return report ? [{ attemptId, report }] : []
  })

function reportOnReturn(state: TargetState, isHeld: boolean): AttemptReport | null {
  if (!isHeld) return { kind: 'not_held' }
  return state === 'pending' ? { kind: 'reply', reply: { accepted: true } } : null
}
