/** After typical use, each secret is found only in its own file. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import Database from 'better-sqlite3'
import pino from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parseEnrollmentCode } from '#shared/domain/enrollment-code.ts'
import { startRealAgent, type RealAgent } from '../../test-kit/real-agent.ts'
import { startTestController, type TestController } from '../../test-kit/test-controller.ts'

const PASSWORD = 'a password that nobody has'
let t: TestController
let agent: RealAgent
let log = ''
const commandLines: string[] = []

/** Command lines and environments of all processes. */
function lookAtProcesses(): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
    try {
      commandLines.push(readFileSync(`/proc/${pid}/cmdline`, 'utf8'))
    } catch {
      // It has ended meanwhile.
    }
}

beforeAll(async () => {
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      log += chunk.toString()
      done()
    },
  })
  t = await startTestController({
    log: pino({ level: 'trace' }, sink),
    timings: { presence: { connectGraceMs: 0 } },
  })
})
afterAll(async () => {
  await agent.remove()
  await t.stop()
})

it.skipIf(process.platform !== 'linux')(
  'no secret is in the database, its backups and logs, a command line, or a reply',
  async () => {
    const secrets = new Map<string, string>()
    await t.rest.call('users.create', {
      body: { username: 'tom', password: PASSWORD, role: 'technician' },
    })
    await t.anonymous.raw('POST', '/auth/login', { username: 'tom', password: `${PASSWORD} wrong` })
    const session = await t.anonymous.call('auth.login', {
      body: { username: 'tom', password: PASSWORD },
    })
    const next = await t.anonymous.call('auth.refresh', {
      body: { refresh_token: session.refresh_token },
    })
    const { code } = await t.rest.call('enrollments.create', { body: {} })
    agent = startRealAgent('SECRET-PC', code)
    await expect.poll(() => t.controller.activity().online_agents).toBe(1)
    const { id: software } = await t.addScript('tool', '#!/bin/sh\nsleep 0.5\n')
    const { devices } = await t.rest.call('devices.list', {})
    const { deployment_id: id } = await t.rest.call('deployments.create', {
      body: { name: 'x', software_ids: [software], device_ids: [devices[0]!.id] },
    })
    await expect
      .poll(async () => {
        lookAtProcesses()
        return (await t.rest.call('deployments.get', { params: { id } })).status
      })
      .toBe('completed')

    const pem = (file: string) =>
      readFileSync(join(t.dataDir, 'keys', file), 'utf8').split('\n')[1]!
    secrets.set('TLS key', pem('hub-tls.key'))
    secrets.set('command key', pem('command-signing.key'))
    secrets.set('token secret', readFileSync(join(t.dataDir, 'keys', 'access-token.key'), 'utf8'))
    const ticketKey = readFileSync(join(t.dataDir, 'keys', 'content.key'))
    for (const form of ['base64', 'hex', 'latin1'] as const)
      secrets.set(`ticket key, ${form}`, ticketKey.toString(form))
    secrets.set('password', PASSWORD)
    for (const [name, { token, refresh_token }] of Object.entries({
      session,
      next,
      admin: t.session,
    })) {
      secrets.set(`access token, ${name}`, token)
      secrets.set(`refresh token, ${name}`, refresh_token)
    }

    const db = new Database(join(t.dataDir, 'deployx.db'), { readonly: true })
    const backup = join(t.dataDir, 'deployx.db.backup-by-hand')
    await db.backup(backup)
    db.close()
    const files = readdirSync(t.dataDir, { recursive: true, encoding: 'utf8' })
      .filter((name) => !name.startsWith('keys') && statSync(join(t.dataDir, name)).isFile())
      .map((name): [string, string] => [name, readFileSync(join(t.dataDir, name), 'latin1')])
    const answers: string[] = []
    for (const path of [
      '/users',
      '/enrollments',
      '/devices',
      '/hub',
      '/audit',
      '/stats',
      `/deployments/${id}`,
      `/deployments/${id}/progress`,
    ])
      answers.push(JSON.stringify((await t.rest.raw('GET', path)).body))

    const places: [string, string][] = [
      ...files,
      ['log', log],
      ['command lines', commandLines.join('\n')],
      ['answers', answers.join('\n')],
      ['agent’s words', agent.output()],
    ]
    expect(files.map(([name]) => name)).toContain('deployx.db')
    expect(log).toContain('the controller is up')
    expect(commandLines.join('\n')).toContain('agent/main.ts')
    for (const [what, secret] of secrets) {
      expect(secret.length, what).toBeGreaterThan(16)
      for (const [where, text] of places)
        expect(text.includes(secret), `${what} in ${where}`).toBe(false)
    }
    // By design the agent receives the code on its command line; it is useless once it was used.
    const codeSecret = parseEnrollmentCode(code)!.secret
    for (const [where, text] of places)
      if (where !== 'command lines')
        expect(text.includes(codeSecret), `code in ${where}`).toBe(false)
  },
)
