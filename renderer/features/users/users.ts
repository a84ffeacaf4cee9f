/** Users in readable form. */
import type { Holdings, Role, User } from '#shared/contract/rest/users.ts'
import type { Look } from '../../ui/lib/states.ts'
import { t } from './texts.ts'

export const ROLE_NAME: Record<Role, string> = {
  admin: t('roles.admin'),
  technician: t('roles.technician'),
}

/** Disabled takes precedence over everything else. */
export function lookOfUser(
  user: Pick<User, 'disabled' | 'must_change_password' | 'session_count'>,
): Look {
  if (user.disabled) return { label: t('state.disabled'), tone: 'skipped', shape: 'slash' }
  if (user.must_change_password)
    return { label: t('state.mustChoosePassword'), tone: 'waiting', shape: 'dashed' }
  return user.session_count > 0
    ? { label: t('state.signedIn'), tone: 'completed', shape: 'dot' }
    : { label: t('state.signedOut'), tone: 'skipped', shape: 'dashed' }
}

/** "3 PCs, 1 group and 2 deployments"; null: nothing. */
export function holdingsInWords(holdings: Holdings): string | null {
  const parts = [
    holdings.devices > 0 && t('state.pcs', { n: holdings.devices }),
    holdings.groups > 0 && t('state.groups', { n: holdings.groups }),
    holdings.software > 0 && t('state.software', { n: holdings.software }),
    holdings.deployments > 0 && t('state.deployments', { n: holdings.deployments }),
    holdings.enrollments > 0 && t('state.codes', { n: holdings.enrollments }),
  ].filter((part) => part !== false)
  if (parts.length < 2) return parts[0] ?? null
  return t('state.list', { first: parts.slice(0, -1).join(', '), last: parts.at(-1)! })
}

/** The consequences of removing a user, one per sentence. @param newOwner who gets what they own; null: nobody */
export function removalInWords(holdings: Holdings, newOwner: string | null): string[] {
  const what = holdingsInWords(holdings)
  return [
    t('state.signedOutEverywhere'),
    what === null
      ? t('state.ownsNothing')
      : newOwner === null
        ? t('state.noOwner', { what })
        : t('state.newOwner', { what, newOwner }),
    ...(holdings.active_deployments > 0
      ? [t('state.continues', { n: holdings.active_deployments })]
      : []),
    ...(holdings.enrollments > 0 && newOwner === null ? [t('state.codesRevoked')] : []),
    t('state.log'),
  ]
}
