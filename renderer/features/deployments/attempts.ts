/** An attempt in words and as an icon, consistent with its target. */
import type { Attempt, Target } from '#shared/contract/rest/deployments.ts'
import { upperFirst } from '#shared/domain/upper-first.ts'
import { attemptText } from '../../ui/lib/coded-text.ts'
import { explainTarget } from './reasons.ts'
import { lookOfTarget } from '../../ui/lib/states.ts'
import type { Look } from '../../ui/lib/states.ts'

type Present = Pick<Target, 'action' | 'installer_kind' | 'deployment_status' | 'reason'>

const STATE_OF = { success: 'completed', failed: 'failed', skipped: 'skipped' } as const

/** The attempt as if it were its target: in the final state of the attempt, or in the target's state while it runs. */
function asTarget(a: Attempt, target: Present) {
  const text = attemptText(a)
  return {
    action: target.action,
    installer_kind: target.installer_kind,
    deployment_status: a.status === null ? target.deployment_status : STATE_OF[a.status],
    ...(a.reason !== null ? { reason: a.reason } : a.status === null && { reason: target.reason }),
    ...(a.exit_code !== null && { exit_code: a.exit_code }),
    ...(text !== null && { result_message: text }),
  }
}

export const lookOfAttempt = (a: Attempt, target: Present): Look =>
  lookOfTarget(asTarget(a, target))

/** "3: the installer reported a failure", "Installed", "Installing". */
export function attemptInWords(a: Attempt, target: Present): string {
  const text = a.status === null ? '' : explainTarget(asTarget(a, target))
  const words = text || lookOfAttempt(a, target).label
  return upperFirst(words)
}
