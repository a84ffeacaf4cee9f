import path from 'node:path'
import { configDefaults, defineConfig, type TestProjectConfiguration } from 'vitest/config'
import { LongFirst } from './build/support/long-first.ts'
import { createSecondTryReporter } from './build/support/second-tries.ts'
import { EVENT_LIMIT_MS } from './shared/test-kit/until.ts'

/** Where `npm test` wants the counts. */
const report = process.env['DEPLOYX_UNIT_REPORT']

// Tests start hundreds of agents from the sources: each file is compiled once, not by each of them.
process.env['NODE_COMPILE_CACHE'] ??= path.join(
  import.meta.dirname,
  'node_modules/.cache/node-compile',
)

/** What takes minutes and is shown by a shorter test as well, as far as that goes: with `npm run test:full`. */
const LONG = [
  'build/nspawn/linux-restart.integration.test.ts',
  'build/nspawn/linux-update.integration.test.ts',
]
const isFull = process.env['DEPLOYX_TEST_FULL'] !== undefined

/** Tests that mount components of the console, compiled as in the built page. */
const COMPONENTS = 'renderer/**/*.component.test.ts'
const components = async (): Promise<TestProjectConfiguration> => {
  const [{ default: vue }, { consoleUi }] = await Promise.all([
    import('@vitejs/plugin-vue'),
    import('./build/console-ui.ts'),
  ])
  return {
    extends: true,
    plugins: [vue(), consoleUi(import.meta.dirname)],
    test: { name: 'components', include: [COMPONENTS], environment: 'happy-dom' },
  }
}
/** Electron's Node runs the tests of the controller; the plugins of the page need not load there. */
const isElectron = process.versions['electron'] !== undefined
const INTEGRATION = '**/*.integration.test.ts'
const ALL = '{shared,main,agent,renderer,build,bench}/**/*.test.ts'
const all = {
  include: [ALL],
  exclude: [...configDefaults.exclude, COMPONENTS, ...(isFull ? [] : LONG)],
  globalSetup: ['main/controller/test-kit/publish-description.ts'],
}
const projects: TestProjectConfiguration[] = [
  // These start no programs and share no files: one process runs many of them and loads the modules once.
  {
    extends: true,
    test: { ...all, name: 'units', exclude: [...all.exclude, INTEGRATION], isolate: false },
  },
  { extends: true, test: { ...all, name: 'programs', include: [INTEGRATION] } },
]

export default defineConfig(async () => ({
  test: {
    // Projects do not inherit flags and exclusions of the command line, which the run in Electron's Node needs.
    ...(isElectron ? all : { projects: [...projects, await components()] }),
    // Node parses the 180 KB of its package.json again for each of its modules: 1.6 s for every test file.
    server: { deps: { inline: ['drizzle-orm'] } },
    // Tests wait for events; these limits only end a test that fails. A loaded machine must keep to them.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    expect: { poll: { timeout: EVENT_LIMIT_MS, interval: 20 } },
    // Integration tests wait for processes most of the time: twice as many workers as CI has cores keep those busy.
    maxWorkers: 4,
    sequence: { sequencer: LongFirst },
    restoreMocks: true,
    // Once more, and then it is named: a loaded machine must not sink a run, nor a test that fails by chance hide in it.
    retry: 1,
    reporters: [
      'default',
      createSecondTryReporter(),
      ...(report ? [['json', { outputFile: report }] as ['json', { outputFile: string }]] : []),
    ],
  },
}))
