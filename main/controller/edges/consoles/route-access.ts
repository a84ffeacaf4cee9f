/** Who may call a route: the token is checked on every request, and refusals are audited. */
import { AppError } from '#shared/contract/errors.ts'
import { rest, type RouteName } from '#shared/contract/rest/routes.ts'
import type { Actor, Audit } from '../../slices/audit/index.ts'
import { unknownActor } from '../../slices/audit/index.ts'
import type { SignedIn, Tokens } from './tokens.ts'

export type Access = {
  authenticate: Tokens['authenticate']
  /** Whether a session is still open, even if its token has expired. */
  isOpen: (sessionId: string, address: string) => boolean
  refused: Audit['refused']
}

/** Routes allowed while a password change is pending. */
const ALLOWED_BEFORE_PASSWORD_CHANGE: readonly RouteName[] = [
  'auth.me',
  'auth.password',
  'auth.logout',
  'auth.logout_all',
]

export function createRouteAccess(access: Access) {
  /** @throws AppError E_UNAUTHENTICATED, E_PASSWORD_CHANGE_NEEDED, E_FORBIDDEN. Null: the route needs no user, and there is none */
  return (name: RouteName, authorization: string | undefined, address: string): SignedIn | null => {
    const route = rest[name]
    const refuse = (actor: Actor & { address: string }, why: string) =>
      access.refused(actor, 'access.refused', `${route.method} ${route.path}`, why)

    const [scheme, token] = (authorization ?? '').split(' ')
    const found =
      scheme?.toLowerCase() === 'bearer' && token ? access.authenticate(token, address) : null
    const known = typeof found === 'object' ? found : null
    if (route.access === 'none') return known
    if (!known) {
      if (found === 'foreign')
        refuse({ ...unknownActor(address), address }, 'a token that this controller did not issue')
      throw new AppError('E_UNAUTHENTICATED', 'Sign in first.')
    }
    if (known.viewer.mustChangePassword && !ALLOWED_BEFORE_PASSWORD_CHANGE.includes(name))
      throw new AppError('E_PASSWORD_CHANGE_NEEDED', 'Choose a password of your own first.')
    if (route.access === 'admin' && known.viewer.role !== 'admin') {
      refuse(known.viewer, 'for administrators only')
      throw new AppError('E_FORBIDDEN', 'Only administrators may do this.')
    }
    return known
  }
}
