/**
 * The REST surface: every route of the contract, as an administrator, as a technician and unauthenticated.
 */
import { rest, type RouteName } from '#shared/contract/rest/routes.ts'
import type { Route } from '#shared/contract/rest/route.ts'
import { SoftwareFields } from '#shared/contract/rest/software.ts'
import { asWord, inUrl, type FuzzContext, type Send } from './context.ts'
import { call, type Answer } from './http.ts'

export type Role = 'admin' | 'technician'
/**
 * Returns a valid token. Called again when it is no longer valid: fuzzed requests end sessions and remove
 * users.
 */
export type SignIn = (role: Role) => Promise<string>

const names = Object.keys(rest) as RouteName[]
/**
 * These hash a password, which is slow on purpose, or end sessions, after which a password is hashed; called
 * less often.
 */
const SLOW: readonly RouteName[] = [
  'auth.login',
  'auth.setup',
  'auth.logout',
  'auth.logout_all',
  'users.create',
  'users.update',
  'users.delete',
  'controller.rotate',
  'controller.save_recovery',
]
const anyRoute = ({ values }: FuzzContext): RouteName => {
  const name = values.pick(names)
  return SLOW.includes(name) && values.chance(0.85) ? values.pick(names) : name
}
const BAD_TOKENS = ['x', '', 'a.b.c', 'e30.e30.', 'null', `${'A'.repeat(3_000)}.B.C`]
const BOUNDARY = 'fuzz'

/** JSON as it is sent: sometimes truncated or duplicated. */
function asText(context: FuzzContext, value: unknown): string {
  const { values } = context
  const text = JSON.stringify(value) ?? ''
  if (values.chance(0.03)) return text.slice(0, values.below(text.length + 1))
  return values.chance(0.02) ? text + text : text
}

function pathOf(context: FuzzContext, route: Route): string {
  const { values } = context
  const params = (route.params ? values.any(route.params) : {}) as Record<string, unknown> | null
  const path = route.path.replaceAll(/:(\w+)/g, (_all, key: string) => {
    const value = values.chance(0.1) ? values.nasty() : params?.[key]
    return values.chance(0.02)
      ? values.pick(['%00', '..%2f..%2fdeployx.db', '%c0%af', '%', '../..'])
      : inUrl(asWord(value).slice(0, 3_000))
  })
  const query = route.query ?? (values.chance(0.05) ? rest['audit.list'].query : undefined)
  if (!query) return path
  const search = Object.entries(values.any(query) ?? {}).map(
    ([key, value]) => `${inUrl(key)}=${inUrl(asWord(value).slice(0, 4_000))}`,
  )
  return `${path}?${search.join('&')}`
}

/** Paths outside the route table: documents, files of the console, and their neighbours. */
const strayPath = ({ values }: FuzzContext): string =>
  values.pick(['/', '/docs/', '/docs/static/', '/openapi.json', '//', '/assets/']) +
  values.pick(['..%2f', '..%5c', '%2e%2e/', '..;/', '.%00/', '', '%ff']).repeat(values.below(4)) +
  inUrl(asWord(values.nasty()).slice(0, 200))

/** An upload with something odd about it. */
function multipart(context: FuzzContext): { type: string; body: Buffer } {
  const { values } = context
  const part = (head: string, content: string | Buffer) =>
    Buffer.concat([
      Buffer.from(`--${BOUNDARY}\r\ncontent-disposition: form-data; ${head}\r\n\r\n`),
      Buffer.from(content as string),
      Buffer.from('\r\n'),
    ])
  const fields = values.any(SoftwareFields)
  const parts = Object.entries(fields ?? {})
    .slice(0, 30)
    .map(([key, value]) =>
      part(
        `name="${key.replaceAll(/["\r\n]/g, '')}"`,
        typeof value === 'string' ? value : (JSON.stringify(value) ?? ''),
      ),
    )
  const name = values.pick([
    'a.sh',
    'b.deb',
    'c.rpm',
    'd.msi',
    'e.exe',
    'CON',
    'a:b.sh',
    '../x.sh',
    '',
    'ü\u202e.sh',
    'x'.repeat(4_096),
  ])
  const content = values.chance(0.4) ? Buffer.from('#!/bin/sh\nexit 0\n') : values.bytes(4_000)
  const file = part(`name="file"; filename="${name}"`, content)
  parts.splice(values.below(parts.length + 1), 0, ...(values.chance(0.9) ? [file] : []))
  if (values.chance(0.1)) parts.push(file)
  const body = Buffer.concat([...parts, Buffer.from(`--${BOUNDARY}--\r\n`)])
  return {
    type: values.chance(0.95) ? `multipart/form-data; boundary=${BOUNDARY}` : 'multipart/form-data',
    body: values.chance(0.15) ? body.subarray(0, values.below(body.length)) : body,
  }
}

async function sendOne(
  context: FuzzContext,
  name: RouteName,
  token: string | null,
  surface: string,
): Promise<Answer | null> {
  const { values } = context
  const route: Route = rest[name]
  const headers: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` }
  if (values.chance(0.02)) headers['origin'] = 'https://evil.example'
  if (values.chance(0.02)) headers['x-forwarded-for'] = '127.0.0.1'
  let body: string | Buffer | undefined
  if (route.transport === 'multipart') {
    const upload = multipart(context)
    headers['content-type'] = upload.type
    body = upload.body
  } else if (route.body || values.chance(0.1)) {
    headers['content-type'] = values.chance(0.95) ? 'application/json' : 'text/plain'
    body = asText(context, values.any(route.body))
  }
  const isStray = values.chance(0.03)
  const answer = await call(context, {
    port: 'console',
    method: route.method,
    path: isStray ? strayPath(context) : pathOf(context, route),
    headers,
    body,
    surface,
  })
  // Documents and files of the console are public.
  return isStray ? null : answer
}

/** Unauthenticated: every route that is not public must answer 4xx. */
export function restAsNobody(context: FuzzContext): Send {
  const { values } = context
  return async () => {
    const name = anyRoute(context)
    const token = values.chance(0.7) ? null : values.pick(BAD_TOKENS)
    const answer = await sendOne(context, name, token, 'REST, signed out')
    if (answer && answer.status < 400 && rest[name].access !== 'none')
      context.found(
        'unauthenticated_effect',
        `${name} answered ${answer.status} without authentication`,
      )
    if (answer && answer.status < 400 && name.startsWith('auth.') && name !== 'auth.state')
      context.found('unauthenticated_effect', `${name} signed in an unauthenticated client`)
  }
}

/** As a user: both permitted and forbidden requests. */
export function restAs(context: FuzzContext, role: Role, signIn: SignIn): Send {
  let token: Promise<string> | null = null
  return async () => {
    token ??= signIn(role)
    const asked = token
    const name = anyRoute(context)
    const answer = await sendOne(context, name, await asked, `REST, ${role}`)
    if (answer?.status === 401 && token === asked) token = null
    if (answer && answer.status < 400 && role === 'technician' && rest[name].access === 'admin')
      context.found('unauthenticated_effect', `${name} answered ${answer.status} to a technician`)
  }
}
