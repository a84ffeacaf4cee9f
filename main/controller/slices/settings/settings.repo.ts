import { eq, ne, sql } from 'drizzle-orm'
import { settings } from '../../store/schema/index.ts'
import type { Store } from '../../store/store.ts'

export type SettingRow = typeof settings.$inferSelect

/** A separate row beside those of the settings. */
const VERSION = sql<SettingRow['name']>`'version'`

export function createSettingsRepo({ db }: Store) {
  return {
    list: (): SettingRow[] => db.select().from(settings).where(ne(settings.name, VERSION)).all(),
    /** The number of changes so far. */
    version: (): number =>
      Number(db.select().from(settings).where(eq(settings.name, VERSION)).get()?.value ?? 0),
    setVersion: (version: number): void => {
      db.run(
        sql`insert or replace into settings (name, value) values ('version', ${String(version)})`,
      )
    },
    put: (row: SettingRow): void => {
      db.insert(settings)
        .values(row)
        .onConflictDoUpdate({ target: settings.name, set: { value: row.value } })
        .run()
    },
  }
}
