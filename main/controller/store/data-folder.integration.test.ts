import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AppError } from '#shared/contract/errors.ts'
import { makeDataFolder } from './data-folder.ts'
import { EVENT_LIMIT_MS } from '#shared/test-kit/until.ts'

const PLAIN_USER = 65_534

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'deployx-data-folder-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

/** Permissions do not apply to root, so tests about them run as another user. */
function asPlainUser(work: () => void): void {
  if (process.getuid?.() !== 0) return work()
  process.seteuid?.(PLAIN_USER)
  try {
    work()
  } finally {
    process.seteuid?.(0)
  }
}

function refusalOf(folder: string): AppError {
  try {
    makeDataFolder(folder)
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error(`${folder} was made`)
}

describe('the data folder', () => {
  it('is created with all missing parents, accessible only to this user', () => {
    const folder = join(root, 'a', 'b', 'c')
    makeDataFolder(folder)
    expect(readdirSync(folder)).toEqual([])
    if (process.platform === 'win32') return
    for (const made of [folder, join(root, 'a', 'b'), join(root, 'a')])
      expect(statSync(made).mode & 0o777).toBe(0o700)
  })

  it('may already exist, even behind a link, and keeps its contents', () => {
    const folder = join(root, 'data')
    makeDataFolder(folder)
    writeFileSync(join(folder, 'kept'), 'x')
    symlinkSync(folder, join(root, 'link'))
    makeDataFolder(folder)
    makeDataFolder(join(root, 'link'))
    expect(readdirSync(folder)).toEqual(['kept'])
  })

  it('cannot be a file, below a file, or behind a dangling link', () => {
    writeFileSync(join(root, 'file'), '')
    symlinkSync(join(root, 'nowhere'), join(root, 'broken'))
    for (const folder of ['file', 'file/data', 'file/data/more', 'broken', 'broken/data'])
      expect(refusalOf(join(root, folder)).code).toBe('E_DATA_UNWRITABLE')
    expect(readdirSync(root).sort()).toEqual(['broken', 'file'])
  })

  it.skipIf(process.platform === 'win32')('is refused where this user may not write', () => {
    const closed = join(root, 'closed')
    mkdirSync(closed)
    chmodSync(root, 0o755)
    chmodSync(closed, 0o555)
    asPlainUser(() => {
      for (const folder of [closed, join(closed, 'data'), join(closed, 'data', 'more')]) {
        const refusal = refusalOf(folder)
        expect(refusal.code).toBe('E_DATA_UNWRITABLE')
        expect(refusal.message).toContain('EACCES')
      }
    })
    expect(readdirSync(closed)).toEqual([])
  })

  it.skipIf(process.platform === 'win32')(
    'is refused below a folder that this user may not enter',
    () => {
      const hidden = join(root, 'hidden')
      mkdirSync(hidden, { mode: 0o700 })
      chmodSync(root, 0o755)
      chmodSync(hidden, 0)
      asPlainUser(() => {
        expect(refusalOf(join(hidden, 'data', 'more')).message).toContain('EACCES')
      })
    },
  )

  // In a separate process: a call that never returns cannot be timed out from within.
  it.skipIf(!existsSync('/proc/self'))('below /proc is refused within bounded time', async () => {
    const bundle = join(root, 'data-folder.mjs')
    await build({
      entryPoints: [join(import.meta.dirname, 'data-folder.ts')],
      outfile: bundle,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
    })
    const script = `import { makeDataFolder } from ${JSON.stringify(pathToFileURL(bundle).href)}
      for (const folder of ['/proc/deployx-x/y', '/proc/deployx-x', '/proc/self/x/y'])
        try { makeDataFolder(folder) } catch (error) { console.log(error.code, error.message) }`
    const { status, stdout } = spawnSync(
      process.execPath,
      ['--input-type=module', '--eval', script],
      { encoding: 'utf8', timeout: EVENT_LIMIT_MS },
    )
    expect(status).toBe(0)
    const lines = stdout.trimEnd().split('\n')
    expect(lines).toHaveLength(3)
    for (const line of lines)
      expect(line).toMatch(/^E_DATA_UNWRITABLE The data folder \/proc\/.* cannot be written \(E/)
  })
})
