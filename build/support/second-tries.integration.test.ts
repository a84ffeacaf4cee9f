import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { projectRoot } from './project.ts'
import { run } from './run.ts'
import { countLine, readSecondTries, secondTryLine } from './second-tries.ts'

describe('the lines about second tries', () => {
  it('are read back from mixed output, each test once', () => {
    const line = secondTryLine('a.test.ts', 'suite > says\n  hello')
    expect(readSecondTries(`✓ a\r\n${line}\r\n${line}\nneeded nothing\n`)).toEqual([
      'a.test.ts > suite > says hello',
    ])
  })

  it('append the number and names of retried tests to the counts', () => {
    const counts = { passed: 3, failed: 1, skipped: 2 }
    expect(countLine(counts, [])).toBe('3 passed, 1 failed, 2 skipped, 0 needed a second try')
    expect(countLine(counts, ['a > b', 'c > d'])).toBe(
      '3 passed, 1 failed, 2 skipped, 2 needed a second try: a > b; c > d',
    )
  })
})

describe('a run with the project’s own configuration', () => {
  let folder: string
  beforeEach(async () => {
    // Inside the project, so that the runners find their configuration.
    const parent = join(projectRoot, 'test-results')
    await mkdir(parent, { recursive: true })
    folder = await mkdtemp(join(parent, 'second-tries-'))
  })
  afterEach(async () => await rm(folder, { recursive: true, force: true }))

  const start = (program: string[], env: NodeJS.ProcessEnv) =>
    run(process.execPath, program, {
      cwd: folder,
      timeoutMs: 60_000,
      env: { ...process.env, FAIL_TWICE: '', ...env },
    })

  it('passes and names a vitest test that fails once, and fails on one that fails twice', async () => {
    const config = `import config from '../../vitest.config.ts'
      const { projects, ...test } = (await config()).test
      export default { test: { ...test, root: import.meta.dirname, include: ['*.test.ts'] } }`
    const test = `import { expect, it } from 'vitest'
      let tries = 0
      it('fails once', () => expect(++tries).toBe(2))
      it('never fails', () => expect(1).toBe(1))
      it('fails twice', () => expect(process.env.FAIL_TWICE).toBe(''))`
    await writeFile(join(folder, 'vitest.config.ts'), config)
    await writeFile(join(folder, 'seeded.test.ts'), test)
    const program = [join(projectRoot, 'node_modules/vitest/vitest.mjs'), 'run']

    const flaky = await start(program, {})
    expect(readSecondTries(flaky.stdout)).toEqual(['seeded.test.ts > fails once'])
    expect(flaky.stdout).toContain('expected 1 to be 2')
    expect(flaky.code).toBe(0)

    const broken = await start(program, { FAIL_TWICE: '1' })
    expect(readSecondTries(broken.stdout)).toEqual(['seeded.test.ts > fails once'])
    expect(broken.code).toBe(1)
  })

  it('does the same for Playwright and counts the test as passed in its closing line', async () => {
    const config = `import config from '../../playwright.config.ts'
      export default { ...config, testDir: '.', outputDir: 'out',
        reporter: [['../../e2e/support/reporter.ts']] }`
    const spec = `import { expect, test } from '@playwright/test'
      test.describe('seeded', () => {
        test('fails once', ({}, info) => expect(info.retry).toBe(1))
        test('never fails', () => expect(1).toBe(1))
        test('fails twice', () => expect(process.env.FAIL_TWICE).toBe(''))
      })`
    await writeFile(join(folder, 'playwright.config.ts'), config)
    await writeFile(join(folder, 'seeded.spec.ts'), spec)
    const program = [join(projectRoot, 'node_modules/@playwright/test/cli.js'), 'test']
    const version = { DEPLOYX_E2E_ELECTRON_VERSION: '1.2.3' }
    const name: unknown = expect.stringMatching(/seeded\.spec\.ts > seeded > fails once$/)

    const flaky = await start(program, version)
    expect(readSecondTries(flaky.stdout)).toEqual([name])
    expect(flaky.stdout).toMatch(/^e2e \(Electron 1\.2\.3\): 3 passed, 0 failed, 0 skipped$/m)
    expect(flaky.code).toBe(0)

    const broken = await start(program, { ...version, FAIL_TWICE: '1' })
    expect(readSecondTries(broken.stdout)).toEqual([name])
    expect(broken.stdout).toMatch(/^e2e \(Electron 1\.2\.3\): 2 passed, 1 failed, 0 skipped$/m)
    expect(broken.code).toBe(1)
  })
})
