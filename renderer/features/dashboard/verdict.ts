/** The result of a deployment in words: "31 completed, 1 failed, 2 skipped", "Removal: 31 completed". */
import type { DeploymentCompleted } from '#shared/contract/feed.ts'

export function verdictInWords(
  done: Pick<
    DeploymentCompleted,
    'status' | 'action' | 'success_count' | 'failure_count' | 'skipped_count'
  >,
): string {
  const parts = [
    done.success_count > 0 ? `${done.success_count} completed` : '',
    done.failure_count > 0 ? `${done.failure_count} failed` : '',
    done.skipped_count > 0 ? `${done.skipped_count} skipped` : '',
  ].filter(Boolean)
  const text = parts.join(', ') || 'nothing to do'
  if (done.action === 'uninstall')
    return `${done.status === 'canceled' ? 'Removal cancelled' : 'Removal'}: ${text}`
  return done.status === 'canceled'
    ? `Cancelled: ${text}`
    : text.charAt(0).toUpperCase() + text.slice(1)
}
