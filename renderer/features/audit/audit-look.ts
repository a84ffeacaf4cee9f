/** The outcome of an audit entry as icon and word. */
import type { AuditOutcome } from '#shared/contract/rest/audit.ts'
import type { Look } from '../../ui/lib/states.ts'

export function lookOfOutcome(outcome: AuditOutcome): Look {
  switch (outcome) {
    case 'done':
      return { label: 'Done', tone: 'completed', shape: 'check' }
    case 'refused':
      return { label: 'Refused', tone: 'waiting', shape: 'slash' }
    case 'failed':
      return { label: 'With failures', tone: 'failed', shape: 'cross' }
  }
}
