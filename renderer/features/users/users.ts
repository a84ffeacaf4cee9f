/** Users in readable form. */
import type { Holdings, Role, User } from '#shared/contract/rest/entities.ts'
import { countOf } from '../../ui/lib/format.ts'
import type { Look } from '../../ui/lib/states.ts'

export const ROLES: { label: string; value: Role }[] = [
  { label: 'Technician', value: 'technician' },
  { label: 'Administrator', value: 'admin' },
]
export const ROLE_NAME: Record<Role, string> = { admin: 'Administrator', technician: 'Technician' }

/** Disabled takes precedence over everything else. */
export function lookOfUser(
  user: Pick<User, 'disabled' | 'must_change_password' | 'session_count'>,
): Look {
  if (user.disabled) return { label: 'Disabled', tone: 'skipped', shape: 'slash' }
  if (user.must_change_password)
    return { label: 'Must choose a password', tone: 'waiting', shape: 'dashed' }
  return user.session_count > 0
    ? { label: 'Signed in', tone: 'completed', shape: 'dot' }
    : { label: 'Signed out', tone: 'skipped', shape: 'dashed' }
}

/** "3 PCs, 1 group and 2 deployments"; null: nothing. */
export function holdingsInWords(holdings: Holdings): string | null {
  const parts = [
    holdings.devices > 0 && countOf(holdings.devices, 'PC'),
    holdings.groups > 0 && countOf(holdings.groups, 'group'),
    holdings.software > 0 && countOf(holdings.software, 'software entry', 'software entries'),
    holdings.deployments > 0 && countOf(holdings.deployments, 'deployment'),
    holdings.enrollments > 0 && countOf(holdings.enrollments, 'open code'),
  ].filter((part) => part !== false)
  if (parts.length < 2) return parts[0] ?? null
  return `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`
}

/** The consequences of removing a user, one per sentence. @param newOwner who gets what they own; null: nobody */
export function removalInWords(holdings: Holdings, newOwner: string | null): string[] {
  const what = holdingsInWords(holdings)
  return [
    'The account is signed out everywhere at once.',
    what === null
      ? 'Nothing belongs to it.'
      : newOwner === null
        ? `${what} will belong to nobody: only administrators see them.`
        : `${what} will belong to ${newOwner}.`,
    ...(holdings.active_deployments > 0
      ? [
          `${countOf(holdings.active_deployments, 'deployment')} that ${holdings.active_deployments === 1 ? 'has' : 'have'} not ended will go on.`,
        ]
      : []),
    ...(holdings.enrollments > 0 && newOwner === null
      ? ['Open codes are revoked: no PC gets in by them any more.']
      : []),
    'What the account did stays in the audit trail.',
  ]
}
