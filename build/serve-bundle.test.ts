import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs/promises'
import path from 'node:path'
import { expect, it } from 'vitest'
import type { BuildSteps } from './build-app.ts'
import { ensureServable, findServable } from './serve-bundle.ts'
import { projectRoot } from './support/project.ts'
import { tempFolder, writeFiles } from './support/temp-folder.ts'

const RESULTS = [
  'main/index.js',
  'main/workers/signing.js',
  'main/workers/identity.js',
  'main/workers/check.js',
  'main/workers/inspection.js',
  'main/workers/passwords.js',
  'main/workers/workbook.js',
  'preload/index.cjs',
  'renderer/index.html',
]

async function project() {
  const root = await tempFolder()
  await writeFiles(root, { 'main/headless.ts': '1', 'package.json': '{}' })
  const builds: string[] = []
  const steps: Partial<BuildSteps> = {
    async app() {
      const source = await fs.readFile(path.join(root, 'main/headless.ts'), 'utf8')
      builds.push(source)
      await writeFiles(root, {
        ...Object.fromEntries(RESULTS.map((name) => [`out/${name}`, ''])),
        'out/main/headless.js': source,
        'out/main/chunks/late.js': source,
      })
    },
  }
  return {
    root,
    builds,
    serve: () => ensureServable(root, steps),
    change: (text: string) => writeFiles(root, { 'main/headless.ts': text }),
  }
}
const read = (file: string) => fs.readFile(file, 'utf8')

it('builds the first time, and again after a source has changed', async () => {
  const { root, builds, serve, change } = await project()
  expect(await findServable(root)).toBeNull()
  const first = await serve()
  expect(await serve()).toBe(first)
  expect(await findServable(root)).toBe(first)
  expect(builds).toEqual(['1'])
  await change('2')
  expect(await findServable(root)).toBeNull()
  expect(await read(await serve())).toBe('2')
  expect(builds).toEqual(['1', '2'])
})

it('leaves a running controller the parts that it has not loaded yet', async () => {
  const { serve, change } = await project()
  const running = await serve()
  await change('2')
  await serve()
  expect(await read(path.join(path.dirname(running), 'chunks/late.js'))).toBe('1')
})

it('keeps a few older programs', async () => {
  const { root, serve, change } = await project()
  for (const text of ['2', '3', '4', '5', '6']) {
    await change(text)
    await serve()
  }
  const folder = path.join(root, 'node_modules/.cache/deployx/serve')
  expect(await fs.readdir(folder)).toHaveLength(3)
  expect(await read(await serve())).toBe('6')
})

it('builds once for concurrent callers', async () => {
  const { builds, serve } = await project()
  const programs = await Promise.all([serve(), serve(), serve()])
  expect(new Set(programs).size).toBe(1)
  expect(builds).toEqual(['1'])
})

it('reports a failed build', async () => {
  const { root } = await project()
  const broken = { app: () => Promise.reject(new Error('syntax error')) }
  await expect(ensureServable(root, broken)).rejects.toThrow('syntax error')
})

const SERVE = path.join(projectRoot, 'build/serve.js')
it('prints only the help when asked for it', () => {
  expect(execFileSync(process.execPath, [SERVE, '--help'], { encoding: 'utf8' })).toMatch(
    /^DeployX controller without a window/,
  )
})

it('ends with 2 after a usage error', async () => {
  // Without a build: an option that only prints comes with the wrong one.
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [SERVE, '--check', '--no-such-option'],
    { encoding: 'utf8', cwd: await tempFolder() },
  )
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
  expect(stderr).toMatch(/^deployx: .*--no-such-option/)
})
