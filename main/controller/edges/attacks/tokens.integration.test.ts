/**
 * Forged and invalid access tokens, on every surface of a real controller that accepts one: REST,
 * upload, export and feed.
 */
import { createHmac, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { io } from 'socket.io-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CONSOLE_NAMESPACE } from '#shared/contract/feed.ts'
import {
  createRestClient,
  startTestController,
  type TestController,
} from '../../test-kit/test-controller.ts'

type Claims = Record<string, unknown>
let t: TestController
let other: TestController
let secret: string
let claims: Claims
let deploymentId: number

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const claimsOf = (token: string): Claims =>
  JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as Claims
const hs = (body: Claims, key: string | Buffer, head: object = {}, hash = 'sha256'): string => {
  const text = `${part({ alg: 'HS256', typ: 'JWT', ...head })}.${part(body)}`
  return `${text}.${createHmac(hash, key).update(text).digest('base64url')}`
}

beforeAll(async () => {
  t = await startTestController({ timings: { presence: { connectGraceMs: 0, offlineAfterMs: 0 } } })
  other = await startTestController()
  secret = readFileSync(join(t.dataDir, 'keys', 'access-token.key'), 'utf8')
  claims = claimsOf(t.session.token)
  const { id } = await t.addScript('tool')
  const { deviceId } = await t.enroll('LAB-01')
  deploymentId = (
    await t.rest.call('deployments.create', {
      body: { name: 'x', software_ids: [id], device_ids: [deviceId] },
    })
  ).deployment_id
})
afterAll(async () => {
  await other.stop()
  await t.stop()
})

/** Each surface's reply to a token: a status, or the result of the feed's handshake. */
async function answers(token: string): Promise<Record<string, unknown>> {
  const client = createRestClient(t.controller.consoleUrl, token)
  const feed = io(t.controller.consoleUrl + CONSOLE_NAMESPACE, {
    transports: ['websocket'],
    forceNew: true,
    reconnection: false,
    auth: { token },
  })
  const joined = await new Promise((resolve) => {
    feed.on('connect', () => resolve('in'))
    feed.on('connect_error', (error) => resolve(error.message))
  })
  feed.disconnect()
  return {
    rest: (await client.raw('GET', '/devices')).status,
    admin: (await client.raw('GET', '/users')).status,
    upload: (await client.upload('/software', { name: 'x.sh', bytes: '#!/bin/sh\n' })).status,
    export: (await client.raw('GET', `/deployments/${deploymentId}/report.csv`)).status,
    feed: joined,
  }
}
const REFUSED = { rest: 401, admin: 401, upload: 401, export: 401, feed: 'E_UNAUTHENTICATED' }

describe('a token', () => {
  // Proves that the refusals below have no other cause.
  it('is accepted everywhere if it is valid', async () => {
    expect(await answers(t.session.token)).toEqual({
      rest: 200,
      admin: 200,
      upload: 200,
      export: 200,
      feed: 'in',
    })
    expect((await answers(hs(claims, secret)))['rest']).toBe(200)
  })

  it.each<[string, () => string]>([
    ['has the algorithm none', () => `${part({ alg: 'none', typ: 'JWT' })}.${part(claims)}.`],
    ['has the algorithm nOnE', () => `${part({ alg: 'nOnE' })}.${part(claims)}.`],
    ['has no signature', () => t.session.token.replace(/[^.]*$/, '')],
    ['is signed with a guessed secret', () => hs(claims, 'secret')],
    ['is signed with an empty secret', () => hs(claims, '')],
    ['comes from another controller', () => other.session.token],
    [
      'is signed with HS512 and the right secret',
      () => hs(claims, secret, { alg: 'HS512' }, 'sha512'),
    ],
    [
      "is signed with RS256 and the attacker's key",
      () => {
        const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
        const text = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}`
        return `${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`
      },
    ],
    [
      'uses the public key of the hub as a shared secret',
      () => hs(claims, createPublicKey(t.hub.cert).export({ type: 'spki', format: 'pem' })),
    ],
    ['contains its own key', () => hs(claims, 'mine', { jwk: { kty: 'oct', k: 'bWluZQ' } })],
    ['has a path as its key ID', () => hs(claims, '', { kid: '../../../../dev/null' })],
    ['has SQL as its key ID', () => hs(claims, 'x', { kid: "' union select 'x" })],
    ['has expired', () => hs({ ...claims, exp: Math.floor(Date.now() / 1_000) - 1 }, secret)],
    ['has another issuer', () => hs({ ...claims, iss: 'elsewhere' }, secret)],
    ['is for another audience', () => hs({ ...claims, aud: 'elsewhere' }, secret)],
    ['names a session that never existed', () => hs({ ...claims, sid: 'f'.repeat(32) }, secret)],
    ['has an object as its session ID', () => hs({ ...claims, sid: { $ne: null } }, secret)],
    ['names no session', () => hs({ ...claims, sid: undefined }, secret)],
    ['is a refresh token', () => t.session.refresh_token],
    ['is very long', () => `${'A'.repeat(5_000)}.${part(claims)}.x`],
  ])('is refused everywhere if it %s', async (_what, forge) => {
    expect(await answers(forge())).toEqual(REFUSED)
  })

  it('is refused everywhere once its session has ended, and an open feed is disconnected', async () => {
    const { token } = await t.anonymous.call('auth.login', {
      body: { username: 'anna', password: 'correct horse' },
    })
    const feed = io(t.controller.consoleUrl + CONSOLE_NAMESPACE, {
      transports: ['websocket'],
      forceNew: true,
      reconnection: false,
      auth: { token },
    })
    await new Promise((resolve) => feed.on('connect', () => resolve(null)))
    const cut = new Promise((resolve) => feed.on('disconnect', resolve))
    await createRestClient(t.controller.consoleUrl, token).call('auth.logout', {})
    expect(await cut).toBe('io server disconnect')
    expect(await answers(token)).toEqual(REFUSED)
  })

  it("is refused once its user's role has changed or its user is removed", async () => {
    const body = { username: 'tom', password: 'tom tom tom', role: 'admin' } as const
    const { id } = await t.rest.call('users.create', { body })
    const signIn = async (): Promise<string> =>
      (await t.anonymous.call('auth.login', { body })).token
    const asAdmin = await signIn()
    await t.rest.call('users.update', { params: { id }, body: { role: 'technician' } })
    expect(await answers(asAdmin)).toEqual(REFUSED)
    const asTechnician = await signIn()
    expect((await answers(asTechnician))['admin']).toBe(403)
    await t.rest.call('users.delete', { params: { id } })
    expect(await answers(asTechnician)).toEqual(REFUSED)
  })

  it('is refused if its user was removed or their password was changed during sign-in', async () => {
    for (const change of ['remove', 'password'] as const) {
      const body = {
        username: `race-${change}`,
        password: 'first first',
        role: 'technician',
      } as const
      const { id } = await t.rest.call('users.create', { body })
      // Comparing a password takes tens of milliseconds: send several requests, and change the user
      // meanwhile.
      const asked = Array.from({ length: 6 }, () => t.anonymous.raw('POST', '/auth/login', body))
      await sleep(20)
      await (change === 'remove'
        ? t.rest.call('users.delete', { params: { id } })
        : t.rest.call('users.update', { params: { id }, body: { password: 'second second' } }))
      for (const reply of await Promise.all(asked)) {
        expect([200, 401, 429]).toContain(reply.status)
        const { token } = reply.body as { token?: string }
        if (token) expect((await answers(token))['rest']).toBe(401)
      }
    }
  })
})
