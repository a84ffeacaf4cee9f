/**
 * What the database stores about itself: its name, how often it was opened, and which keys belong
 * to it.
 */
import type { Clock } from '#shared/node/clock.ts'
import type { Random } from '#shared/node/random.ts'
import type Database from 'better-sqlite3'

/** Rows of `controller_facts`. */
export type FactName = 'database_id' | 'created_at' | 'run' | 'keys'

export type Facts = ReturnType<typeof createFacts>

export function createFacts(sqlite: Database.Database, clock: Pick<Clock, 'wallMs'>) {
  const get = (name: FactName): string | null =>
    sqlite
      .prepare<[string], string>('select value from controller_facts where name = ?')
      .pluck()
      .get(name) ?? null
  const write = (name: FactName, value: string): void => {
    sqlite
      .prepare<[string, string]>(
        'insert into controller_facts (name, value) values (?, ?) on conflict (name) do update set value = excluded.value',
      )
      .run(name, value)
  }
  /** Writes nothing if nothing changes, so a full disk does not prevent the start. */
  const set = (name: FactName, value: string): void => {
    if (get(name) !== value) write(name, value)
  }
  return {
    get,
    set,
    /** ISO time when this database was created. */
    createdAt: (): string => get('created_at') ?? new Date(clock.wallMs()).toISOString(),
  }
}

/** The database's id, and the number of this opening. */
export type Mark = { database_id: string; run: number }

const hasTable = (sqlite: Database.Database): boolean =>
  sqlite.prepare("select 1 from sqlite_master where name = 'controller_facts'").get() !== undefined

/** The mark of the last opening; null: it has none. */
export function readMark(sqlite: Database.Database): Mark | null {
  if (!hasTable(sqlite)) return null
  const get = sqlite
    .prepare<[FactName], string>('select value from controller_facts where name = ?')
    .pluck()
  const [database_id, run] = [get.get('database_id'), get.get('run')]
  return database_id === undefined || run === undefined ? null : { database_id, run: Number(run) }
}

/**
 * Counts one more opening, in a separate transaction: it is then in the database's log, so a lower
 * number found later shows that the log was lost.
 */
export function markRun(
  sqlite: Database.Database,
  { clock, random }: { clock: Pick<Clock, 'wallMs'>; random: Random },
): Mark | null {
  // Tables of an earlier version, as tests open them.
  if (!hasTable(sqlite)) return null
  const facts = createFacts(sqlite, clock)
  const now = new Date(clock.wallMs()).toISOString()
  return sqlite
    .transaction((): Mark => {
      const database_id = facts.get('database_id') ?? random.uuid()
      const run = Number(facts.get('run') ?? 0) + 1
      facts.set('database_id', database_id)
      facts.set('run', String(run))
      if (facts.get('created_at') === null) facts.set('created_at', oldestTime(sqlite) ?? now)
      return { database_id, run }
    })
    .immediate()
}

/**
 * A database of a version that did not store its creation time: use the time of its first account.
 */
function oldestTime(sqlite: Database.Database): string | null {
  return (
    sqlite.prepare<[], string | null>('select min(created_at) from users').pluck().get() ?? null
  )
}
