import fs from 'node:fs/promises'
import path from 'node:path'
import { expect, it } from 'vitest'
import { ensureBuilt, sourceFingerprint } from './build-app.ts'
import { tempFolder, writeFiles } from './support/temp-folder.ts'

async function project(extra: Record<string, string> = {}) {
  const root = await tempFolder()
  await writeFiles(root, {
    'main/index.ts': 'export {}',
    'renderer/app.vue': '<template/>',
    'shared/a.ts': 'export const a = 1',
    'package-lock.json': '{}',
    ...extra,
  })
  const builds: string[] = []
  let broken = false
  let script = ''
  const build = () =>
    ensureBuilt({
      root,
      onProgress: () => undefined,
      steps: {
        async app() {
          builds.push('app')
          if (broken) throw new Error('syntax error')
          await writeFiles(root, {
            'out/main/index.js': script,
            'out/main/headless.js': '',
            'out/main/workers/signing.js': '',
            'out/main/workers/identity.js': '',
            'out/main/workers/check.js': '',
            'out/main/workers/inspection.js': '',
            'out/main/workers/passwords.js': '',
            'out/main/workers/workbook.js': '',
            'out/preload/index.cjs': '',
            'out/renderer/index.html': '',
          })
        },
        async agent() {
          builds.push('agent')
          await writeFiles(root, { 'out/agent/agent.cjs': '' })
        },
      },
    })
  return {
    root,
    builds,
    build,
    breakBuild: (now: boolean) => (broken = now),
    writeScript: (text: string) => (script = text),
  }
}

it('builds once and skips the second build', async () => {
  const { builds, build } = await project()
  expect(await build()).toBe(true)
  expect(await build()).toBe(false)
  expect(builds).toEqual(['app'])
})

it.each([
  ['a changed source', { 'shared/a.ts': 'export const a = 2' }],
  ['a new source', { 'main/new.ts': '' }],
  ['a changed dependency', { 'package-lock.json': '{"a":1}' }],
  ['a changed configuration', { 'electron.vite.config.ts': 'export default {}' }],
])('builds after %s', async (_what, change) => {
  const { root, build } = await project()
  await build()
  await writeFiles(root, change)
  expect(await build()).toBe(true)
})

it('builds after a source file was removed', async () => {
  const { root, build } = await project()
  await build()
  await fs.rm(path.join(root, 'shared/a.ts'))
  expect(await build()).toBe(true)
})

it.each(['main/index.test.ts', 'main/README.md', 'renderer/auto-imports.d.ts', 'docs/guide.md'])(
  'does not build after a change to %s',
  async (name) => {
    const { root, build } = await project({ [name]: 'before' })
    await build()
    await writeFiles(root, { [name]: 'after' })
    expect(await build()).toBe(false)
  },
)

it('does not build after a file was touched without a change', async () => {
  const { root, build } = await project()
  await build()
  const later = new Date(Date.now() + 60_000)
  await fs.utimes(path.join(root, 'main/index.ts'), later, later)
  expect(await build()).toBe(false)
})

it('builds when an output file is missing', async () => {
  const { root, build } = await project()
  await build()
  await fs.rm(path.join(root, 'out/preload/index.cjs'))
  expect(await build()).toBe(true)
})

it('does not mark a failed build as complete', async () => {
  const { root, build, breakBuild } = await project()
  await build()
  await writeFiles(root, { 'main/index.ts': 'syntax error' })
  breakBuild(true)
  await expect(build()).rejects.toThrow('syntax error')
  // The sources are those of the earlier, complete build again, but the failed one may have overwritten half
  // of its output.
  await writeFiles(root, { 'main/index.ts': 'export {}' })
  breakBuild(false)
  expect(await build()).toBe(true)
})

it('builds the agent if the project has one, and rebuilds it if it is missing', async () => {
  const { root, builds, build } = await project({ 'agent/main.ts': 'export {}' })
  await build()
  expect(builds).toEqual(['app', 'agent'])
  await fs.rm(path.join(root, 'out/agent/agent.cjs'))
  expect(await build()).toBe(true)
})

it('builds once for concurrent callers', async () => {
  const { builds, build } = await project()
  const answers = await Promise.all([build(), build(), build()])
  expect(answers.filter(Boolean)).toHaveLength(1)
  expect(builds).toEqual(['app'])
})

it('distinguishes a file name from file content in the fingerprint', async () => {
  const [one, two] = [await tempFolder(), await tempFolder()]
  await writeFiles(one, { 'main/ab': 'c' })
  await writeFiles(two, { 'main/a': 'bc' })
  expect(await sourceFingerprint(one)).not.toBe(await sourceFingerprint(two))
})

it.each([
  ['a name that is declared twice', 'const a = 1\nconst a = 2\n'],
  ['an export that does not exist', 'export { a }\n'],
  ['half a file', 'export function a() {'],
])('fails if a built file has %s, and is not taken for a build', async (_what, text) => {
  const { builds, build, writeScript } = await project()
  writeScript(text)
  await expect(build()).rejects.toThrow(/do not parse:\nmain.index\.js: /)
  writeScript('export const a = await import("node:fs")\n')
  expect(await build()).toBe(true)
  expect(builds).toEqual(['app', 'app'])
})
