/** Access tokens: short-lived JWTs that name a session. A token is worthless once its session has ended. */
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Session } from '#shared/contract/rest/routes.ts'
import { isoTime, type Now, type Viewer } from '../../base/context.ts'
import type { SignIn, Users } from '../../slices/users/index.ts'

export const ACCESS_LIFE_MS = 15 * 60_000
export const TOKEN_ISSUER = 'deployx'
export const TOKEN_AUDIENCE = 'deployx-console'
const Claims = z.object({ sid: z.string().min(1) })

export type SignedIn = { viewer: Viewer & { address: string }; sessionId: string }
export type Tokens = ReturnType<typeof createTokens>

export function createTokens(deps: { app: FastifyInstance; users: Users; now: Now }) {
  return {
    issue({ user, sessionId, refreshToken }: SignIn): Session {
      const token = deps.app.jwt.sign(
        { sid: sessionId, sub: String(user.id) },
        { expiresIn: ACCESS_LIFE_MS },
      )
      return {
        token,
        expires_at: isoTime(deps.now() + ACCESS_LIFE_MS),
        refresh_token: refreshToken,
        user,
      }
    },
    /**
     * The current user behind a token. `over`: issued here, but it has expired or its session has ended, which happens every day.
     * `foreign`: this controller never issued it.
     */
    authenticate(token: string, address: string): SignedIn | 'over' | 'foreign' {
      let sessionId: string
      try {
        sessionId = Claims.parse(deps.app.jwt.verify(token)).sid
      } catch (error) {
        const isExpired = (error as { code?: unknown }).code === 'FAST_JWT_EXPIRED'
        return isExpired ? 'over' : 'foreign'
      }
      const viewer = deps.users.viewerOf(sessionId, address)
      return viewer ? { viewer: { ...viewer, address }, sessionId } : 'over'
    },
  }
}
