import { sqliteTable, text } from 'drizzle-orm/sqlite-core'

/** What the database stores about itself and its folder. See store/facts.ts. */
export const controllerFacts = sqliteTable('controller_facts', {
  name: text().primaryKey(),
  value: text().notNull(),
})
