import { settings } from '../store/schema/index.ts'
import type { Store } from '../store/store.ts'

export type SettingRow = typeof settings.$inferSelect

export function createSettingsRepo({ db }: Store) {
  return {
    list: (): SettingRow[] => db.select().from(settings).all(),
    put: (row: SettingRow): void => {
      db.insert(settings)
        .values(row)
        .onConflictDoUpdate({ target: settings.name, set: { value: row.value } })
        .run()
    },
  }
}
