/** The outcome of an audit entry as icon and word. */
import type { AuditOutcome } from '#shared/contract/rest/audit.ts'
import type { Look } from '../../ui/lib/states.ts'
import { t } from './texts.ts'

export function lookOfOutcome(outcome: AuditOutcome): Look {
  switch (outcome) {
    case 'done':
      return { label: t('outcomes.done'), tone: 'completed', shape: 'check' }
    case 'refused':
      return { label: t('outcomes.refused'), tone: 'waiting', shape: 'slash' }
    case 'failed':
      return { label: t('outcomes.withFailures'), tone: 'failed', shape: 'cross' }
  }
}
