import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['{shared,main,agent,renderer,build,bench}/**/*.test.ts'],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    // Two workers at most: integration tests start servers and processes, and CI has two cores.
    maxWorkers: 2,
    restoreMocks: true,
  },
})
