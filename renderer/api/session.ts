/** The signed-in session for the transport: the access token in memory only, the refresh token kept by the shell. */
import { rest } from '#shared/contract/rest/routes.ts'
import type { Session } from '#shared/contract/rest/routes.ts'
import { ApiError, parseJson } from './failure.ts'
import { send } from './transport.ts'
import type { Shell } from './shell.ts'

export type SessionKeeper = {
  token: () => string | null
  /** Takes over a session from setup, sign-in or renewal. */
  keep: (session: Session) => Promise<void>
  /** Runs one renewal at a time. Null: there is nothing to renew, or the controller refused. @throws ApiError when unreachable */
  renew: () => Promise<Session | null>
  forget: () => Promise<void>
  /** Called when a session ends without a sign-out by the user. */
  onLost: (listener: () => void) => void
  lost: () => Promise<void>
}

const RENEW_TIMEOUT_MS = 15_000

export function createSessionKeeper(shell: Shell): SessionKeeper {
  let token: string | null = null
  let refreshToken: string | null | undefined
  let renewing: Promise<Session | null> | null = null
  let lostListener: () => void = () => undefined

  const keeper: SessionKeeper = {
    token: () => token,
    async keep(session) {
      token = session.token
      refreshToken = session.refresh_token
      await shell.saveRefreshToken(session.refresh_token)
    },
    renew: () => (renewing ??= renewOnce().finally(() => (renewing = null))),
    async forget() {
      token = null
      refreshToken = null
      await shell.saveRefreshToken(null)
    },
    onLost: (listener) => (lostListener = listener),
    async lost() {
      await keeper.forget()
      lostListener()
    },
  }

  async function renewOnce(): Promise<Session | null> {
    refreshToken ??= await shell.loadRefreshToken()
    if (!refreshToken) return null
    const route = rest['auth.refresh']
    const reply = await send({
      method: route.method,
      url: shell.consoleUrl + route.path,
      token: null,
      body: { refresh_token: refreshToken },
      timeoutMs: RENEW_TIMEOUT_MS,
    })
    if (reply.status >= 500) throw new ApiError('E_UNREACHABLE', '')
    const session = route.reply.safeParse(parseJson(reply.text))
    if (reply.status !== 200 || !session.success) return null
    await keeper.keep(session.data)
    return session.data
  }
  return keeper
}
