/** Access tokens: short-lived JWTs that name a session. A token whose session has ended is worth nothing. */
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Session } from '#shared/contract/rest.ts'
import { isoTime, type Now, type Viewer } from '../context.ts'
import type { SignIn, Users } from '../users/index.ts'

export const ACCESS_LIFE_MS = 15 * 60_000
export const TOKEN_ISSUER = 'deployx'
export const TOKEN_AUDIENCE = 'deployx-console'
const Claims = z.object({ sid: z.string().min(1) })

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
    /** Who is behind a token; null when it is not ours, has run out, or its session has ended. */
    authenticate(token: string): { viewer: Viewer; sessionId: string } | null {
      try {
        const claims = Claims.safeParse(deps.app.jwt.verify(token))
        const viewer = claims.success ? deps.users.viewerOf(claims.data.sid) : null
        return claims.success && viewer ? { viewer, sessionId: claims.data.sid } : null
      } catch {
        return null
      }
    },
  }
}
