/** What follows when an agent reconnects and lists the attempts that it holds. Pure. */
import type { AttemptId } from '#shared/domain/ids.ts'
import type { TargetState } from '#shared/domain/target-state.ts'
import type { TargetRow } from '../tables/rows.ts'
import type { AttemptReport } from './report.ts'

/**
 * An attempt that the agent holds was accepted, even if the acknowledgement was lost. An attempt that it does not hold is sent
 * again if it was never acknowledged; otherwise it ends as interrupted.
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
  if (!isHeld) return { kind: 'missing_on_agent' }
  return state === 'pending' ? { kind: 'reply', reply: { accepted: true } } : null
}
