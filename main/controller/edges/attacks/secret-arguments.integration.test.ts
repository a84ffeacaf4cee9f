/** A secret in an installer's arguments reaches the installer, and nothing else. */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import Database from 'better-sqlite3'
import pino from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Software } from '#shared/contract/rest/software.ts'
import { startRealAgent, type RealAgent } from '../../test-kit/real-agent.ts'
import {
  createRestClient,
  startTestController,
  type RestClient,
  type TestController,
} from '../../test-kit/test-controller.ts'

/** By name, after an option, marked by the user, and one with a space. */
const KEYS = ['LIC-7QX2-SECRET-93', 'TOK-55-GH-Q1', 'site-8821-zz', 'two WORDS-61']
const LINE = `/qn PIDKEY=${KEYS[0]} --token ${KEYS[1]} -s ${KEYS[2]} "NAME_KEY=${KEYS[3]}"`
const SHOWN = '/qn PIDKEY=●●● --token ●●● -s ●●● "NAME_KEY=●●●"'
/**
 * Prints its arguments in pieces, so that the output arrives in pieces too, and fails with the
 * arguments in its last line.
 */
const INSTALLER = `#!/bin/sh
printf '%s\\n' "$@" > "$DEPLOYX_INSTALL_ROOT/got"
echo "arguments: $*"
printf 'key is LIC-7QX2'
while [ ! -e "$DEPLOYX_INSTALL_ROOT/go-on" ]; do sleep 0.1; done
printf '%s\\n' "-SECRET-93 indeed"
echo "wrong key: $2 $4 $6 $7" >&2
exit 7
`

let t: TestController
let agent: RealAgent
let technician: RestClient
let log = ''

const filesBelow = (folder: string): [string, string][] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(folder, name), { throwIfNoEntry: false })?.isFile())
    .map((name) => [name, readFileSync(join(folder, name), 'latin1')])
function expectNone(where: string, text: string): void {
  for (const key of KEYS) expect(text.includes(key), `${key} in ${where}`).toBe(false)
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
  const account = { username: 'tom', password: 'a technician of 1999' }
  await t.rest.call('users.create', { body: { ...account, role: 'technician' } })
  const { token } = await t.anonymous.call('auth.login', { body: account })
  technician = createRestClient(t.controller.consoleUrl, token)
  const { code } = await t.rest.call('enrollments.create', { body: {} })
  agent = startRealAgent('SECRET-PC', code)
})
afterAll(async () => {
  await agent.remove()
  await t.stop()
})

const upload = async (fields: Record<string, string>, text = INSTALLER): Promise<Software> => {
  const reply = await t.rest.upload('/software', { name: 'suite.sh', bytes: text }, fields)
  if (reply.status >= 300) throw new Error(JSON.stringify(reply.body))
  return Software.parse(reply.body)
}

describe.skipIf(process.platform === 'win32')('a deployment with secrets in its arguments', () => {
  it('passes them to the installer and shows them nowhere', async () => {
    await expect.poll(() => t.controller.activity().online_agents).toBe(1)
    const software = await upload({ install_args: LINE, secret_args: JSON.stringify(['-s']) })
    expect(software.installers[0]).toMatchObject({
      install_args: SHOWN,
      secret_args: ['PIDKEY', '--token', '-s', 'NAME_KEY'],
      secrets_lost: false,
    })
    const feed: unknown[] = []
    const socket = t.feed()
    socket.onAny((...args: unknown[]) => feed.push(args))
    await expect.poll(() => socket.connected).toBe(true)

    const { devices } = await t.rest.call('devices.list', {})
    const { deployment_id: id } = await t.rest.call('deployments.create', {
      body: { name: 'x', software_ids: [software.id], device_ids: [devices[0]!.id] },
    })
    const target = async () =>
      (await t.rest.call('deployments.progress', { params: { id } })).targets[0]!
    const output = async (): Promise<string> =>
      JSON.stringify(
        (await t.rest.raw('GET', `/deployments/${id}/targets/${(await target()).id}/output`)).body,
      )
    // The first half of a value is printed and waits for its second half.
    await expect.poll(output).toContain('key is')
    expect(await output()).not.toContain('LIC-7')
    agent.releaseInstaller()
    await expect.poll(async () => (await target()).deployment_status).toBe('failed')

    expect(readFileSync(join(agent.root, 'got'), 'utf8').split('\n')).toEqual([
      '/qn',
      `PIDKEY=${KEYS[0]}`,
      '--token',
      KEYS[1],
      '-s',
      KEYS[2],
      `NAME_KEY=${KEYS[3]}`,
      '',
    ])
    expect((await target()).error_details).toContain('wrong key: PIDKEY=●●●')
    expect(await output()).toContain('key is ●●● indeed')
    expect(await output()).toContain('arguments: /qn PIDKEY=●●●')
    const data = (await t.rest.call('audit.list', {})).entries.find(
      ({ action }) => action === 'deployment.create',
    )?.data
    expect(JSON.stringify(data)).toContain('PIDKEY=●●●')

    const places = [
      ...['/software', '/audit?limit=500', '/audit/export.csv', '/audit/export.jsonl'],
      ...[`/deployments/${id}`, `/deployments/${id}/progress`, `/deployments/${id}/report.csv`],
      ...[`/deployments/${id}/report.xlsx`, '/openapi.json', '/deployments'],
    ]
    for (const path of places) {
      const answer = await t.rest.raw('GET', path)
      expect(answer.status, path).toBe(200)
      expectNone(path, JSON.stringify(answer.body))
    }
    expectNone(
      'software of a technician',
      JSON.stringify((await technician.raw('GET', '/software')).body),
    )
    expectNone('output', await output())
    expectNone('attempts', JSON.stringify(await target()))
    expectNone('feed', JSON.stringify(feed))
    expectNone('log', log)
    expectNone('agent log', agent.output())
    for (const [name, text] of filesBelow(t.dataDir))
      if (!name.startsWith('content')) expectNone(name, text)
    // The attempt's records are deleted once the controller has its result.
    await expect
      .poll(() =>
        filesBelow(agent.state)
          .filter(([, text]) => KEYS.some((key) => text.includes(key)))
          .map(([name]) => name),
      )
      .toEqual([])

    await t.rest.call('software.delete', { params: { id: software.id } })
    expectNone(
      'audit after the removal',
      JSON.stringify((await t.rest.raw('GET', '/audit?limit=500')).body),
    )
    socket.close()
  })

  it('also seals them when they are stored for an installer given by its address', async () => {
    const { devices } = await t.rest.call('devices.list', {})
    const body = (args: object) => ({
      name: 'by address',
      device_ids: [devices[0]!.id],
      custom_software: [{ name: 'y', download_url: 'http://127.0.0.1:9/y.sh', ...args }],
    })
    const refused = await t.rest.raw(
      'POST',
      '/deployments/create',
      body({ install_args: '-s 1', secret_args: ['-t'] }),
    )
    expect(refused.body).toMatchObject({
      error: { details: [{ path: '/custom_software/0/secret_args/0' }] },
    })
    const made = await t.rest.raw(
      'POST',
      '/deployments/create',
      body({ install_args: LINE, secret_args: ['-s'] }),
    )
    expect(made.status).toBe(200)
    expectNone('audit', JSON.stringify((await t.rest.raw('GET', '/audit?limit=500')).body))
    for (const [name, text] of filesBelow(t.dataDir))
      if (!name.startsWith('content')) expectNone(name, text)
  })
})

describe('correcting arguments', () => {
  let software: Software
  const patch = async (change: unknown) =>
    t.rest.raw('PATCH', `/software/${software.id}/installers/${software.installers[0]!.id}`, change)
  const now = async () =>
    (await t.rest.call('software.list', {})).software.find(({ id }) => id === software.id)!
      .installers[0]!
  /** The whole line, as used for commands. */
  const stored = (): string => {
    const db = new Database(join(t.dataDir, 'deployx.db'), { readonly: true })
    try {
      return (
        db
          .prepare<[number], string>('select sealed_args from installers where id = ?')
          .pluck()
          .get(software.installers[0]!.id) ?? ''
      )
    } finally {
      db.close()
    }
  }
  beforeAll(async () => {
    software = await upload({ install_args: 'KEY=abcdef -x', name: 'other' }, '#!/bin/sh\n:\n')
  })

  it('keeps a value that is sent back as ●●●', async () => {
    const before = stored()
    expect((await patch({ install_args: '-y KEY=●●●' })).status).toBe(200)
    expect(await now()).toMatchObject({ install_args: '-y KEY=●●●', secret_args: ['KEY'] })
    expect(stored()).not.toBe(before)
    expect((await patch({ install_args: 'KEY=●●● -s site', secret_args: ['-s'] })).status).toBe(200)
    expect(await now()).toMatchObject({
      install_args: 'KEY=●●● -s ●●●',
      secret_args: ['KEY', '-s'],
    })
    // Sent back unchanged.
    const { install_args, secret_args } = await now()
    expect((await patch({ install_args, secret_args, timeout_seconds: 77 })).status).toBe(200)
    expect(await now()).toMatchObject({ install_args, secret_args, timeout_seconds: 77 })
  })

  it.each([
    [{ install_args: 'SITE=●●● -s ●●●' }, '/install_args'],
    [{ install_args: 'KEY=●●● -s ●●● TOKEN=●●●' }, '/install_args'],
    [{ secret_args: [] }, '/secret_args'],
    [{ secret_args: ['-s', 'NOTHING'] }, '/secret_args/1'],
  ])('refuses %j, which would reveal a secret or hide nothing', async (change, path) => {
    const reply = await patch(change)
    expect(reply.status).toBe(400)
    expect(reply.body).toMatchObject({ error: { code: 'E_VALIDATION', details: [{ path }] } })
    expect(await now()).toMatchObject({ install_args: 'KEY=●●● -s ●●●' })
  })

  it('no longer treats a value as secret if it is entered again without a mark', async () => {
    expect((await patch({ install_args: 'KEY=●●● -s plain', secret_args: [] })).status).toBe(200)
    expect(await now()).toMatchObject({ install_args: 'KEY=●●● -s plain', secret_args: ['KEY'] })
  })

  it('refuses ●●● if no secret is stored', async () => {
    const file = { name: 'z.sh', bytes: '#!/bin/sh\n' }
    const reply = await t.rest.upload('/software', file, { install_args: 'KEY=●●●' })
    expect(reply.body).toMatchObject({ error: { details: [{ path: '/install_args' }] } })
  })

  it('recognises a repeated upload, and treats one with another secret as different', async () => {
    const text = '#!/bin/sh\n# same\n'
    const first = await upload({ install_args: 'KEY=first1' }, text)
    expect((await upload({ install_args: 'KEY=first1' }, text)).id).toBe(first.id)
    expect((await upload({ install_args: 'KEY=second' }, text)).id).not.toBe(first.id)
  })
})

describe('a restarted controller', () => {
  it('seals what an older version has stored', async () => {
    const text = '#!/bin/sh\n# older\n'
    const { id, installers } = await upload({ name: 'older', install_args: '-q' }, text)
    const file = join(t.dataDir, 'deployx.db')
    await t.controller.stop()
    const db = new Database(file)
    db.prepare(
      `update installers set install_args = 'PIDKEY=older-SECRET-1',
      uploaded_as = replace(uploaded_as, '"-q"', '"PIDKEY=older-SECRET-1"') where id = ?`,
    ).run(installers[0]!.id)
    db.close()
    await t.restart()
    const found = (await t.rest.call('software.list', {})).software.find((one) => one.id === id)!
    expect(found.installers[0]).toMatchObject({
      install_args: 'PIDKEY=●●●',
      secret_args: ['PIDKEY'],
    })
    for (const name of ['deployx.db', 'deployx.db-wal'])
      expect(readFileSync(join(t.dataDir, name), 'latin1')).not.toContain('older-SECRET-1')
    // The same upload is still recognised.
    expect((await upload({ name: 'older', install_args: 'PIDKEY=older-SECRET-1' }, text)).id).toBe(
      id,
    )
  })

  it('requires secrets again if their key is damaged', async () => {
    const text = '#!/bin/sh\n# lost\n'
    const { id, installers } = await upload({ name: 'lost', install_args: 'KEY=gone-1' }, text)
    await t.controller.stop()
    writeFileSync(join(t.dataDir, 'keys', 'install-arguments.key'), 'x')
    await t.restart()
    const installer = async () =>
      (await t.rest.call('software.list', {})).software.find((one) => one.id === id)!.installers[0]!
    expect(await installer()).toMatchObject({ install_args: 'KEY=●●●', secrets_lost: true })
    const { devices } = await t.rest.call('devices.list', {})
    const body = { name: 'x', software_ids: [id], device_ids: [devices[0]!.id] }
    expect((await t.rest.raw('POST', '/deployments/create', body)).body).toMatchObject({
      error: { code: 'E_ILLEGAL_STATE' },
    })
    const path = `/software/${id}/installers/${installers[0]!.id}`
    expect((await t.rest.raw('PATCH', path, { install_args: 'KEY=●●● -q' })).status).toBe(400)
    expect((await t.rest.raw('PATCH', path, { install_args: 'KEY=here-2' })).status).toBe(200)
    expect(await installer()).toMatchObject({ install_args: 'KEY=●●●', secrets_lost: false })
  })
})
