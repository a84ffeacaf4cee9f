/** The result of a deployment in words: "31 completed, 1 failed, 2 skipped", "Removal: 31 completed". */
import type { DeploymentCompleted } from '#shared/contract/feed.ts'
import { upperFirst } from '#shared/domain/upper-first.ts'
import { t } from './texts.ts'

export function verdictInWords(
  done: Pick<
    DeploymentCompleted,
    'status' | 'action' | 'success_count' | 'failure_count' | 'skipped_count'
  >,
): string {
  const parts = [
    done.success_count > 0 ? t('verdict.completed', { n: done.success_count }) : '',
    done.failure_count > 0 ? t('verdict.failed', { n: done.failure_count }) : '',
    done.skipped_count > 0 ? t('verdict.skipped', { n: done.skipped_count }) : '',
  ].filter(Boolean)
  const text = parts.join(', ') || t('verdict.nothingToDo')
  if (done.action === 'uninstall')
    return t(done.status === 'canceled' ? 'verdict.removalCancelled' : 'verdict.removal', { text })
  return done.status === 'canceled' ? t('verdict.cancelled', { text }) : upperFirst(text)
}
