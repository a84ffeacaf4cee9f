import fs from 'node:fs/promises'
import path from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { projectRoot } from '../support/project.ts'
import { run } from '../support/run.ts'
import { tempFolder, writeFiles } from '../support/temp-folder.ts'
import { probeElectron } from './probe.ts'
import { installedRuntime } from './runtime-files.ts'
import { ensureSqliteAddon, removeSqliteAddon, sqliteAddonFiles } from './sqlite-addon.ts'

const supported = process.platform === 'linux' && process.arch === 'x64'
const compiler = await run('gcc', ['--version'], { timeoutMs: 10_000 }).catch(() => null)
const runtime = await installedRuntime(projectRoot)
const electron = runtime && (await probeElectron(runtime.executable)).ok ? runtime : null
const exercise = path.join(import.meta.dirname, 'exercise-sqlite.mjs')

/** A project with better-sqlite3 only, as npm installs it, and the headers of this Node. */
async function project(): Promise<string> {
  const root = await tempFolder()
  const name = 'node_modules/better-sqlite3'
  for (const part of ['package.json', 'lib', 'prebuilds/linux-x64.node']) {
    const from = path.join(projectRoot, name, part)
    await fs.cp(from, path.join(root, name, part), { recursive: true })
  }
  return root
}

async function exerciseUnder(executable: string, root: string, env = {}) {
  const args = ['--expose-gc', exercise, path.join(root, 'node_modules/better-sqlite3')]
  const result = await run(executable, args, {
    timeoutMs: 60_000,
    env: { ...process.env, ...env },
  })
  expect(result.stderr).toBe('')
  return JSON.parse(result.stdout) as { napi: string; node: string; addon: string }
}

describe.skipIf(!supported || compiler?.code !== 0)(
  'the Node-API 9 addon of better-sqlite3',
  () => {
    beforeAll(async () => {
      await fs.access(
        path.join(projectRoot, 'node_modules/better-sqlite3/prebuilds/linux-x64.node'),
      )
    })

    it('is compiled once and can be removed again', async () => {
      const root = await project()
      const progress: string[] = []
      await ensureSqliteAddon(root, (message) => progress.push(message))
      await ensureSqliteAddon(root, (message) => progress.push(message))
      expect(progress).toHaveLength(1)
      await removeSqliteAddon(root)
      await expect(fs.access(sqliteAddonFiles(root).addon)).rejects.toThrow()
    })

    it('is compiled again when its source changed', async () => {
      const root = await project()
      await ensureSqliteAddon(root, () => undefined)
      await fs.writeFile(sqliteAddonFiles(root).marker, '{"origin":"older"}')
      const progress: string[] = []
      await ensureSqliteAddon(root, (message) => progress.push(message))
      expect(progress).toHaveLength(1)
    })

    it('leaves an addon alone that somebody else compiled', async () => {
      const root = await project()
      const { addon } = sqliteAddonFiles(root)
      await writeFiles(path.dirname(addon), { [path.basename(addon)]: 'own' })
      await ensureSqliteAddon(root, () => undefined)
      await removeSqliteAddon(root)
      expect(await fs.readFile(addon, 'utf8')).toBe('own')
    })

    it('works under this Node', async () => {
      const root = await project()
      await ensureSqliteAddon(root, () => undefined)
      const { addon } = await exerciseUnder(process.execPath, root)
      expect(addon).toBe('build/Release/better_sqlite3.node')
    })

    it.skipIf(!electron)('works under Electron, whatever its Node-API', async () => {
      const root = await project()
      await ensureSqliteAddon(root, () => undefined)
      const env = { ELECTRON_RUN_AS_NODE: '1' }
      const { addon } = await exerciseUnder(electron?.executable ?? '', root, env)
      expect(addon).toBe('build/Release/better_sqlite3.node')
    })
  },
)
