import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { rest } from '#shared/contract/rest/routes.ts'
import { addressOf, createClient, createDownload } from './client.ts'
import { createSessionKeeper } from './session.ts'
import type { Shell } from './shell.ts'

type Answer = (
  request: IncomingMessage,
  body: string,
) => { status: number; body: unknown; afterMs?: number; headers?: Record<string, string> }
const closers: (() => void)[] = []
afterEach(() => closers.splice(0).forEach((close) => close()))

async function serve(answer: Answer): Promise<string> {
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      const reply = answer(request, body)
      setTimeout(() => {
        response.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers })
        const isRaw = typeof reply.body === 'string' || Buffer.isBuffer(reply.body)
        response.end(isRaw ? reply.body : JSON.stringify(reply.body))
      }, reply.afterMs ?? 0)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A shell that keeps its refresh token in memory. */
function memoryShell(
  consoleUrl: string,
  refreshToken: string | null,
): Shell & { kept: () => string | null } {
  let kept = refreshToken
  return {
    kind: 'browser',
    platform: null,
    consoleUrl,
    setupCode: null,
    about: null,
    loadRefreshToken: async () => kept,
    saveRefreshToken: async (token) => {
      kept = token
    },
    loadPreferences: async () => {
      throw new Error('not asked for')
    },
    savePreferences: async () => {
      throw new Error('not asked for')
    },
    isTokenProtected: () => null,
    onNote: () => () => undefined,
    kept: () => kept,
  }
}
const user = {
  id: 1,
  username: 'anna',
  role: 'admin',
  created_at: '2026-11-23T10:00:00.000Z',
  disabled: false,
  must_change_password: false,
  last_login_at: null,
  session_count: 1,
}
const session = (token: string) => ({
  token,
  refresh_token: `next-${token}`,
  expires_at: user.created_at,
  user,
})
const refusal = { success: false, error: { code: 'E_UNAUTHENTICATED', message: '', details: [] } }

function open(url: string, refreshToken: string | null = 'r0') {
  const shell = memoryShell(url, refreshToken)
  const keeper = createSessionKeeper(shell)
  return { shell, keeper, call: createClient(url, keeper) }
}

describe('route URLs', () => {
  it('encode path parameters and query values', () => {
    expect(addressOf(rest['deployments.output'], { params: { id: 7, target_id: 9 } })).toBe(
      '/deployments/7/targets/9/output',
    )
    expect(addressOf(rest['deployments.list'], { query: { q: 'a&b', status: undefined } })).toBe(
      '/deployments?q=a%26b',
    )
  })
})

describe('an API call', () => {
  it('renews the session silently, and only once for concurrent calls', async () => {
    let renewals = 0
    const url = await serve((request) => {
      if (request.url === '/auth/refresh') {
        renewals++
        return { status: 200, body: session('fresh'), afterMs: 20 }
      }
      return request.headers.authorization === 'Bearer fresh'
        ? { status: 200, body: user }
        : { status: 401, body: refusal }
    })
    const { call, shell } = open(url)
    const replies = await Promise.all([call('auth.me'), call('auth.me'), call('auth.me')])
    expect(replies.map((r) => r.username)).toEqual(['anna', 'anna', 'anna'])
    expect(renewals).toBe(1)
    expect(shell.kept()).toBe('next-fresh')
  })
  it('ends the session when it cannot be renewed, and reports it once', async () => {
    const url = await serve(() => ({ status: 401, body: refusal }))
    const { call, keeper, shell } = open(url)
    let lost = 0
    keeper.onLost(() => lost++)
    await expect(call('auth.me')).rejects.toMatchObject({ code: 'E_UNAUTHENTICATED' })
    expect([lost, shell.kept()]).toEqual([1, null])
  })
  it('keeps the session when renewal fails with a controller error', async () => {
    const url = await serve((request) =>
      request.url === '/auth/refresh'
        ? { status: 500, body: 'down' }
        : { status: 401, body: refusal },
    )
    const { call, shell } = open(url)
    await expect(call('auth.me')).rejects.toMatchObject({ code: 'E_UNREACHABLE' })
    expect(shell.kept()).toBe('r0')
  })
  it('passes on the code and details of an error', async () => {
    const url = await serve(() => ({
      status: 409,
      body: {
        success: false,
        error: {
          code: 'E_CONFLICT',
          message: 'taken',
          details: [{ path: '/name', message: 'is taken' }],
        },
      },
    }))
    await expect(
      open(url).call('auth.login', { body: { username: 'a', password: 'b' } }),
    ).rejects.toMatchObject({ code: 'E_CONFLICT', details: [{ path: '/name' }] })
  })
  it('rejects a reply that violates the contract', async () => {
    const url = await serve(() => ({ status: 200, body: { setup_needed: 'perhaps' } }))
    await expect(open(url).call('auth.state')).rejects.toMatchObject({ code: 'E_REPLY' })
  })
  it('rejects an error page that is not from the controller', async () => {
    const url = await serve(() => ({ status: 502, body: '<html>' }))
    await expect(open(url).call('auth.state')).rejects.toMatchObject({ code: 'E_REPLY' })
  })
  it('times out', async () => {
    const url = await serve(() => ({ status: 200, body: { setup_needed: false }, afterMs: 2_000 }))
    await expect(open(url).call('auth.state', undefined, { timeoutMs: 60 })).rejects.toMatchObject({
      code: 'E_TIMEOUT',
    })
  })
  it('reports E_UNREACHABLE when nothing listens', async () => {
    const url = await serve(() => ({ status: 200, body: {} }))
    closers.splice(0).forEach((close) => close())
    await expect(open(url).call('auth.state')).rejects.toMatchObject({ code: 'E_UNREACHABLE' })
  })
})

describe('a download', () => {
  const headers = { 'content-disposition': 'attachment; filename="deployx-2026-11-23.recovery"' }
  const fetchFile = (url: string) =>
    createDownload(url, createSessionKeeper(memoryShell(url, 'r0')))('controller.save_recovery', {
      body: { passphrase: 'a long way from home' },
    })
  it("renews the session and returns the bytes with the controller's file name", async () => {
    const bytes = Buffer.from([0, 255, 13, 10, 128])
    const url = await serve((request) => {
      if (request.url === '/auth/refresh') return { status: 200, body: session('fresh') }
      return request.headers.authorization === 'Bearer fresh'
        ? { status: 200, body: bytes, headers }
        : { status: 401, body: refusal }
    })
    const { blob, fileName } = await fetchFile(url)
    expect(fileName).toBe('deployx-2026-11-23.recovery')
    expect(Buffer.from(await blob.arrayBuffer())).toEqual(bytes)
  })
  it('passes on the code of a refusal', async () => {
    const error = { code: 'E_PASSPHRASE', message: 'no', details: [] }
    const url = await serve(() => ({ status: 403, body: { success: false, error } }))
    await expect(fetchFile(url)).rejects.toMatchObject({ code: 'E_PASSPHRASE' })
  })
})
