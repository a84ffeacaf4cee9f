import { sqliteTable, text } from 'drizzle-orm/sqlite-core'

/** What the database remembers about itself and about the folder it lies in. See store/facts.ts. */
export const controllerFacts = sqliteTable('controller_facts', {
  name: text().primaryKey(),
  value: text().notNull(),
})
