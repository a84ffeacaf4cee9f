/** Data folders before the controller listens: for tests of damaged ones. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { systemClock } from '#shared/node/clock.ts'
import { systemRandom } from '#shared/node/random.ts'
import { AppError } from '#shared/contract/errors.ts'
import { checkAtStart, type Recover } from '../slices/check/index.ts'
import { createContent } from '../slices/content/index.ts'
import { createClock, systemSource } from '../base/clock.ts'
import { openKeys } from '../slices/identity/index.ts'
import { openStore } from '../store/store.ts'
import { MIGRATIONS_DIR } from './paths.ts'

/** The controller's steps before it listens: check, database, keys, packages. */
export async function openFolder(dataDir: string, recover: Recover | null = null) {
  const lines: string[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) })
  let repairs
  const store = openStore({
    dataDir,
    migrationsDir: MIGRATIONS_DIR,
    clock: systemClock,
    random: systemRandom,
    beforeOpening: () => {
      repairs = checkAtStart({
        dataDir,
        migrationsDir: MIGRATIONS_DIR,
        keystore: null,
        recover,
        log,
      })
    },
  })
  try {
    const keys = await openKeys(dataDir, null, repairs)
    const clock = createClock(systemSource)
    const content = createContent({
      store,
      dataDir,
      now: Date.now,
      clock,
      random: systemRandom,
      log,
      ticketKey: keys.ticketKey,
      deviceOfLiveAttempt: () => null,
    })
    const count = (table: string): number =>
      store.sqlite.prepare<[], number>(`select count(*) from ${table}`).pluck().get() ?? 0
    return {
      keys,
      logged: () => lines.join(''),
      users: count('users'),
      devices: count('devices'),
      close: async (): Promise<void> => {
        await content.stop()
        clock.stop()
        store.close()
      },
    }
  } catch (error) {
    store.close()
    throw error
  }
}

export async function refusalOf(
  work: () => Promise<{ close: () => Promise<void> }>,
): Promise<AppError> {
  try {
    const opened = await work()
    await opened.close()
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error('it started')
}

const hashOf = (file: string): string =>
  createHash('sha256').update(readFileSync(file)).digest('hex')
/** Every file by its path, except those that SQLite and the lock create. */
export function filesOf(folder: string): Map<string, string> {
  return new Map(
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => !/^controller\.(lock|pid)|^reserve$|-shm$/.test(name))
      .filter((name) => statSync(join(folder, name)).isFile())
      .filter((name) => !(name.endsWith('-wal') && statSync(join(folder, name)).size === 0))
      .map((name): [string, string] => [name, hashOf(join(folder, name))]),
  )
}
/** Names of files whose bytes no longer exist anywhere, except those of the database itself. */
export function lostFiles(before: Map<string, string>, after: Map<string, string>): string[] {
  const kept = new Set(after.values())
  return [...before]
    .filter(([name]) => !/^deployx\.db(-wal)?$|^database\.json$|^keys\.next\/whole$/.test(name))
    .filter(([, hash]) => !kept.has(hash))
    .map(([name]) => name)
}
