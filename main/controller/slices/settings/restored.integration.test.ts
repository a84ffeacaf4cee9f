/**
 * The controller's settings when its data comes from elsewhere: a recovery file, a migration's
 * backup, the database of a version without settings. They cannot be reset or exported separately.
 */
import { createHash, randomBytes } from 'node:crypto'
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '#shared/node/clock.ts'
import { systemRandom } from '#shared/node/random.ts'
import { DEFAULT_SETTINGS, type UpdateSettings } from '#shared/contract/rest/settings-routes.ts'
import type { Controller } from '../../compose/index.ts'
import { openStore } from '../../store/store.ts'
import { openOwnControllers, type OwnControllers } from '../../test-kit/own-controllers.ts'
import type { RestClient } from '../../test-kit/test-controller.ts'
import { MIGRATIONS_DIR } from '../../test-kit/paths.ts'

/** Values that all differ from the defaults. */
const DECIDED = {
  bandwidth_hub_kib_s: 128,
  bandwidth_device_kib_s: 64,
  work_on_battery: false,
  work_on_metered: false,
  agent_updates: 'off',
} satisfies UpdateSettings

let own: OwnControllers
beforeEach(() => {
  own = openOwnControllers()
})
afterEach(() => own.remove())

const read = (rest: RestClient) => rest.call('settings.get', {})
const decide = (rest: RestClient, body: UpdateSettings) => rest.call('settings.update', { body })

it('all differ from their defaults here, so that the tests below cover each', () => {
  expect(Object.keys(DECIDED)).toEqual(Object.keys(DEFAULT_SETTINGS))
  for (const [name, value] of Object.entries(DEFAULT_SETTINGS))
    expect(DECIDED[name as keyof typeof DECIDED], name).not.toEqual(value)
})

describe('a recovery file', () => {
  it.each([
    ['the old computer no longer exists', {}],
    ['the old computer may be in other hands', { revoke: 'true' }],
  ])('restores all of them: %s', async (_what, fields) => {
    const before = await own.start('a')
    const rest = await own.signIn(before, 'setup')
    expect(await decide(rest, DECIDED)).toMatchObject(DECIDED)
    const bytes = await own.saved(before)
    // Changed after the file was saved: not in it.
    await decide(rest, { bandwidth_hub_kib_s: 4096 })
    await own.stop(before)

    const after = await own.takeUp('b', bytes, 0, fields)
    const again = await own.signIn(after)
    expect(await read(again)).toMatchObject(DECIDED)
    const { entries } = await again.call('audit.list', { query: { action: 'settings.update' } })
    expect(entries).toHaveLength(1)
    // They can be changed, and the changes last.
    await decide(again, { work_on_battery: true })
    await own.stop(after)
    const last = await own.signIn(await own.start('b'))
    expect(await read(last)).toMatchObject({ ...DECIDED, work_on_battery: true })
  })

  it('restores a limit that applies from the first download on', async () => {
    const before = await own.start('a')
    await decide(await own.signIn(before, 'setup'), { bandwidth_hub_kib_s: 128 })
    const bytes = await own.saved(before)
    await own.stop(before)
    await own.stop(await own.takeUp('b', bytes, 0))

    const agentsDir = anAgent()
    expect(await received(await own.start('b', 0, { agentsDir }))).toBeLessThan(128 * 1024 * 3)
    // The same without the limit, as a reference.
    expect(await received(await own.start('c', 0, { agentsDir }))).toBe(AGENT_BYTES)
  })
})

describe('an older database', () => {
  /** The migrations of a version that had only the first `count` of them. */
  function migrationsUpTo(count: number): string {
    const dir = join(own.folder, `migrations-${count}`)
    cpSync(MIGRATIONS_DIR, dir, { recursive: true })
    const journal = join(dir, 'meta', '_journal.json')
    const known = JSON.parse(readFileSync(journal, 'utf8')) as { entries: { tag: string }[] }
    writeFileSync(journal, JSON.stringify({ ...known, entries: known.entries.slice(0, count) }))
    return dir
  }
  const places = () =>
    (
      JSON.parse(readFileSync(join(MIGRATIONS_DIR, 'meta', '_journal.json'), 'utf8')) as {
        entries: { tag: string }[]
      }
    ).entries.map(({ tag }) => tag)

  it('without settings gets the defaults, which can be changed', async () => {
    const first = places().findIndex((tag) => tag.endsWith('_settings'))
    expect(first).toBeGreaterThan(0)
    openStore({
      dataDir: join(own.folder, 'a'),
      migrationsDir: migrationsUpTo(first),
      clock: systemClock,
      random: systemRandom,
    }).close()
    const rest = await own.signIn(await own.start('a'), 'setup')
    expect(await read(rest)).toMatchObject(DEFAULT_SETTINGS)
    expect(await decide(rest, DECIDED)).toMatchObject(DECIDED)
  })

  it('that was kept before a migration and is put back has its old settings', async () => {
    const dataDir = join(own.folder, 'a')
    const older = openStore({
      dataDir,
      migrationsDir: migrationsUpTo(places().length - 1),
      clock: systemClock,
      random: systemRandom,
    })
    const put = older.sqlite.prepare('insert into settings (name, value) values (?, ?)')
    for (const [name, value] of Object.entries(DECIDED)) put.run(name, JSON.stringify(value))
    older.close()
    const updated = await own.start('a')
    const rest = await own.signIn(updated, 'setup')
    expect(await read(rest)).toMatchObject(DECIDED)
    await decide(rest, DEFAULT_SETTINGS)
    await own.stop(updated)

    const backup = readdirSync(dataDir).find((name) => name.startsWith('deployx.db.backup-'))!
    for (const suffix of ['-wal', '-shm'])
      rmSync(join(dataDir, `deployx.db${suffix}`), { force: true })
    copyFileSync(join(dataDir, backup), join(dataDir, 'deployx.db'))
    // It lacks the account that was created later, so a user has to decide to continue with it.
    await expect(own.start('a')).rejects.toMatchObject({ code: 'E_DATABASE_BEHIND' })
    const accepted = await own.start('a', 0, { recover: 'accept_older' })
    expect(await read(await own.signIn(accepted, 'setup'))).toMatchObject(DECIDED)
  })
})

const AGENT = 'deployx-agent-linux-x64'
const AGENT_BYTES = 2 * 1024 * 1024
function anAgent(): string {
  const folder = join(own.folder, 'agents')
  const bytes = randomBytes(AGENT_BYTES)
  mkdirSync(folder)
  writeFileSync(join(folder, AGENT), bytes)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  writeFileSync(join(folder, 'SHA256SUMS'), `${sha256}  ${AGENT}\n`)
  return folder
}
/** What arrives of the agent's program within two seconds, or all of it. */
function received(controller: Controller): Promise<number> {
  return new Promise((resolve, reject) => {
    let bytes = 0
    const options = { rejectUnauthorized: false, agent: false as const }
    const call = request(`${controller.hubUrl}/agent/download/${AGENT}`, options, (response) => {
      const end = () => {
        clearTimeout(timer)
        call.destroy()
        resolve(bytes)
      }
      const timer = setTimeout(end, 2_000)
      response.on('data', (piece: Buffer) => (bytes += piece.length))
      response.on('end', end)
      response.on('error', () => undefined) // aborted on purpose
    })
    call.on('error', reject)
    call.end()
  })
}
