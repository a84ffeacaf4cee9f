import { defineConfig } from 'drizzle-kit'

export default defineConfig({
  dialect: 'sqlite',
  schema: './main/controller/store/schema/index.ts',
  out: './main/controller/store/migrations',
})
