/** A controller is backed up, lost and stolen; real agents obey only the right one. */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openOwnControllers, type OwnControllers } from '../../test-kit/own-controllers.ts'
import { createRestClient } from '../../test-kit/test-controller.ts'

let own: OwnControllers
beforeEach(() => {
  own = openOwnControllers()
})
afterEach(() => own.remove())

describe('a recovery file', () => {
  it("restores a dead computer's controller on another computer", async () => {
    const dead = await own.start('a')
    const port = own.portOf(dead)
    const rest = await own.signIn(dead, 'setup')
    const agent = await own.addAgent(rest)
    expect(await own.deploys(rest)).toBe('completed')
    expect(await rest.call('controller.identity', {})).toMatchObject({ recovery_saved: false })
    const bytes = await own.saved(dead)
    expect(await rest.call('controller.identity', {})).toMatchObject({ recovery_saved: true })
    const { fingerprint } = dead
    await own.stop(dead)

    const next = await own.takeUp('b', bytes, port)
    expect(next.fingerprint).toBe(fingerprint)
    const again = await own.signIn(next)
    await own.until(async () => (await own.online(again)) === 1)
    expect((await again.call('deployments.list', {})).deployments).toHaveLength(1)
    expect(await own.deploys(again)).toBe('completed')
    expect(agent.output()).not.toContain('Enrolled as device 2')
    const { entries } = await again.call('audit.list', { query: {} })
    expect(entries.map(({ action }) => action)).toEqual(
      expect.arrayContaining(['controller.save_recovery', 'controller.restore']),
    )
  })

  it('revokes a stolen computer: agents follow the new keys and refuse the old ones', async () => {
    const stolen = await own.start('a')
    const port = own.portOf(stolen)
    const rest = await own.signIn(stolen, 'setup')
    const agent = await own.addAgent(rest)
    const bytes = await own.saved(stolen)
    const thiefsToken = await own.tokenOf(stolen)
    await own.stop(stolen)
    cpSync(join(own.folder, 'a'), join(own.folder, 'thief'), { recursive: true })

    const next = await own.takeUp('b', bytes, port, { revoke: 'true' })
    const again = await own.signIn(next)
    expect(await again.call('controller.identity', {})).toMatchObject({ generation: 1, epoch: 0 })
    // The thief's tokens keep nobody signed in.
    const withStolen = createRestClient(next.consoleUrl, thiefsToken)
    expect((await withStolen.raw('GET', '/devices')).status).toBe(401)
    await own.until(async () => (await own.online(again)) === 1)
    expect(await own.deploys(again)).toBe('completed')
    await own.stop(next)

    // The thief's controller, with all previous keys, at the address where the agent looks for its
    // hub.
    const thief = await own.start('thief', port)
    const thiefsRest = await own.signIn(thief)
    await agent.kill()
    agent.restart()
    await own.until(() =>
      agent.output().includes('does not show the key of the enrolled controller'),
    )
    await new Promise((resolve) => setTimeout(resolve, 2_000))
    expect(await own.online(thiefsRest)).toBe(0)
    // The thief rotates the stolen keys, and no agent follows.
    await thiefsRest.call('controller.rotate', { body: { tls: true, command: true } })
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    expect(await own.online(thiefsRest)).toBe(0)
  })

  it('cannot be used without its passphrase, altered or truncated, and leaves nothing behind', async () => {
    const controller = await own.start('a')
    await own.signIn(controller, 'setup')
    const bytes = await own.saved(controller)
    const empty = await own.start('b')
    const before = readdirSync(join(own.folder, 'b')).sort()
    const wrong = await own.restore(empty, bytes, { passphrase: 'another passphrase' })
    expect(wrong).toMatchObject({ status: 403, body: { error: { code: 'E_PASSPHRASE' } } })
    for (const at of [100, Math.floor(bytes.length / 2), bytes.length - 1]) {
      const altered = bytes.slice()
      altered[at]! ^= 1
      expect((await own.restore(empty, altered)).status).toBeGreaterThanOrEqual(400)
    }
    for (const length of [0, 10, 200, bytes.length - 1, Math.floor(bytes.length / 2)])
      expect((await own.restore(empty, bytes.slice(0, length))).status).toBeGreaterThanOrEqual(400)
    expect(await own.restore(empty, new TextEncoder().encode('hello'))).toMatchObject({
      status: 400,
      body: { error: { code: 'E_RECOVERY_FILE' } },
    })
    // The controller may fill its disk reserve meanwhile.
    const known = new Set([...before, 'reserve'])
    const left = readdirSync(join(own.folder, 'b')).filter((name) => !known.has(name))
    expect(left).toEqual(['temporary'])
    expect(readdirSync(join(own.folder, 'b', 'temporary'))).toEqual([])
    // The controller is still empty.
    expect((await createRestClient(empty.consoleUrl).call('auth.state', {})).setup_needed).toBe(
      true,
    )
  })

  it('is received only after the setup code, where one is needed', async () => {
    const empty = await own.start('b', 0, { setupCode: 'right' })
    const { raw } = createRestClient(empty.consoleUrl)
    const send = async (parts: [string, string | Blob][]) => {
      const form = new FormData()
      for (const [name, value] of parts) form.append(name, value)
      return (await raw('POST', '/controller/restore', form)).body
    }
    const file: [string, Blob] = ['file', new File(['hello'], 'a.recovery')]
    const fields = (code: string): [string, string][] => [
      ['passphrase', 'a long passphrase'],
      ['setup_code', code],
    ]
    expect(await send([file, ...fields('right')])).toMatchObject({
      error: { code: 'E_VALIDATION' },
    })
    expect(await send([...fields('wrong'), file])).toMatchObject({
      error: { code: 'E_SETUP_CODE' },
    })
    expect(await send([...fields('right'), file])).toMatchObject({
      error: { code: 'E_RECOVERY_FILE' },
    })
  })

  it('of a newer version is refused before anything changes, naming the version that it needs', async () => {
    const newer = await own.start('a')
    await own.signIn(newer, 'setup')
    const db = new Database(join(own.folder, 'a', 'deployx.db'))
    db.exec("insert into __drizzle_migrations (hash, created_at) values ('of tomorrow', 1)")
    db.close()
    const bytes = await own.saved(newer)
    const empty = await own.start('b')
    const refused = await own.restore(empty, bytes)
    expect(refused).toMatchObject({ status: 400, body: { error: { code: 'E_RECOVERY_FILE' } } })
    expect(JSON.stringify(refused.body)).toMatch(
      /saved by DeployX \S+, which is newer than this one\./,
    )
    expect(existsSync(join(own.folder, 'b', 'restore.next'))).toBe(false)
    // It is still an empty controller, and starts as one.
    await own.stop(empty)
    const again = createRestClient((await own.start('b')).consoleUrl)
    expect((await again.call('auth.state', {})).setup_needed).toBe(true)
  })

  it('contains no key in plain text, and once it is saved the data folder does not contain the recovery key either', async () => {
    const controller = await own.start('a')
    await own.signIn(controller, 'setup')
    const keys = join(own.folder, 'a', 'keys')
    const recovery = readFileSync(join(keys, 'recovery.key'), 'utf8')
    const command = readFileSync(join(keys, 'command-signing.key'), 'utf8')
    const text = Buffer.from(await own.saved(controller)).toString('latin1')
    for (const secret of [recovery, command]) expect(text).not.toContain(secret.slice(40, 60))
    expect(text).not.toContain('anna')
    expect(existsSync(join(keys, 'recovery.key'))).toBe(false)
    for (const name of readdirSync(keys))
      expect(readFileSync(join(keys, name), 'latin1')).not.toContain(recovery.slice(40, 60))
    // Another passphrase would make an older file's recovery key useless.
    const other = await own.saveRecoveryFile(
      controller,
      await own.tokenOf(controller),
      'another passphrase',
    )
    expect(other.status).toBe(403)
    expect(
      (await own.saveRecoveryFile(controller, await own.tokenOf(controller), 'short')).status,
    ).toBe(400)
    expect(readdirSync(join(own.folder, 'a', 'temporary'))).toEqual([])
  })

  it('is restored by an empty controller only, and saved by administrators only', async () => {
    const controller = await own.start('a')
    const rest = await own.signIn(controller, 'setup')
    const bytes = await own.saved(controller)
    expect(await own.restore(controller, bytes)).toMatchObject({
      status: 409,
      body: { error: { code: 'E_SETUP_DONE' } },
    })
    await rest.call('users.create', {
      body: { username: 'ben', password: 'correct horse too', role: 'technician' },
    })
    const { token } = await createRestClient(controller.consoleUrl).call('auth.login', {
      body: { username: 'ben', password: 'correct horse too' },
    })
    expect((await own.saveRecoveryFile(controller, token)).status).toBe(403)
    const anonymous = createRestClient(controller.consoleUrl)
    for (const [method, path] of [
      ['GET', '/controller/identity'],
      ['POST', '/controller/identity/rotate'],
      ['POST', '/controller/recovery-file'],
    ] as const)
      expect((await anonymous.raw(method, path, method === 'GET' ? undefined : {})).status).toBe(
        401,
      )
  })

  it('that was verified but not yet restored waits for the next start; an incomplete one is not used', async () => {
    const first = await own.start('a')
    await own.signIn(first, 'setup')
    const bytes = await own.saved(first)
    const { fingerprint } = first
    const empty = await own.start('b')
    const itsOwn = empty.fingerprint
    expect(await own.restore(empty, bytes)).toMatchObject({ body: { restarting: false } })
    await own.stop(empty)
    cpSync(join(own.folder, 'b'), join(own.folder, 'c'), { recursive: true })
    rmSync(join(own.folder, 'c', 'restore.next', 'restored.json'))
    expect((await own.start('c')).fingerprint).toBe(itsOwn)
    // Power was lost between the two steps: the keys are in place, the database is not.
    cpSync(join(own.folder, 'b'), join(own.folder, 'd'), { recursive: true })
    rmSync(join(own.folder, 'd', 'keys'), { recursive: true })
    cpSync(join(own.folder, 'd', 'restore.next', 'keys'), join(own.folder, 'd', 'keys'), {
      recursive: true,
    })
    rmSync(join(own.folder, 'd', 'restore.next', 'keys'), { recursive: true })
    for (const name of ['b', 'd']) {
      const controller = await own.start(name)
      expect(controller.fingerprint).toBe(fingerprint)
      await own.signIn(controller)
    }
  })
})
