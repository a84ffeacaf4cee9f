import { defineConfig } from '@playwright/test'

/**
 * Specs in the real Electron: one after the other, because each starts several real programs. One that fails is tried once
 * more, and named by the reporter if it then passes.
 */
export default defineConfig({
  testDir: 'e2e/specs',
  outputDir: 'test-results/e2e',
  workers: 1,
  retries: 1,
  fullyParallel: false,
  forbidOnly: Boolean(process.env['CI']),
  timeout: 180_000,
  globalTimeout: 70 * 60_000,
  // Specs wait for events: a loaded machine must keep to this.
  expect: { timeout: 45_000 },
  reporter: [['list'], ['./e2e/support/reporter.ts']],
})
