/** The lock on the data folder: what a start reports when a controller, or something else, holds it. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { AppError } from '#shared/contract/errors.ts'
import { canMakeDisks, makeSmallDisk } from '../test-kit/small-disk.ts'
import { lockDataFolder } from './lock.ts'

let dataDir: string
let other: ChildProcess | null
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'deployx-lock-'))
  other = null
})
afterEach(() => {
  other?.kill('SIGKILL')
  rmSync(dataDir, { recursive: true, force: true })
})

function refusal(): AppError {
  try {
    lockDataFolder(dataDir).release()
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error('the folder was not locked')
}
/** Locks the file as a controller does, from a process that is not a controller. */
async function lockByAnotherProgram(): Promise<void> {
  const sqlite = createRequire(import.meta.url).resolve('better-sqlite3')
  const script = `const db = new (require(${JSON.stringify(sqlite)}))(${JSON.stringify(join(dataDir, 'controller.lock'))})
    db.exec('BEGIN EXCLUSIVE'); console.log('locked'); process.stdin.resume()`
  other = spawn(process.execPath, ['--eval', script], { stdio: ['pipe', 'pipe', 'inherit'] })
  await once(other.stdout!, 'data')
}

it('names the process of the controller that uses it', () => {
  const lock = lockDataFolder(dataDir)
  const { code, message } = refusal()
  expect(code).toBe('E_DATA_LOCKED')
  expect(message).toContain(`Another DeployX controller is using the data folder ${dataDir}`)
  expect(message).toContain(`process ${process.pid}`)
  lock.release()
  expect(readdirSync(dataDir)).toEqual(['controller.lock'])
  lockDataFolder(dataDir).release()
})

it('recognises another program’s lock, even if a dead controller left its process id', async () => {
  await lockByAnotherProgram()
  writeFileSync(join(dataDir, 'controller.lock.pid'), '999999999')
  const { code, message } = refusal()
  expect(code).toBe('E_DATA_LOCKED')
  expect(message).toContain('Another program')
  expect(message).not.toContain('Another DeployX controller is using')
})

it.each(['junk', 'x'.repeat(5_000), 'SQLite format 3\0 and then not'])(
  'reports unknown contents of the lock file, and does not touch it',
  (junk) => {
    writeFileSync(join(dataDir, 'controller.lock'), junk)
    const { code, message } = refusal()
    expect(code).toBe('E_DATA_LOCKED')
    expect(message).toContain('contains something that DeployX did not write')
    expect(message).not.toContain('Another')
  },
)

it.skipIf(!canMakeDisks)('reports that it is not allowed to write the lock file', () => {
  const disk = makeSmallDisk('1m')
  try {
    dataDir = disk.path
    writeFileSync(join(dataDir, 'controller.lock'), '')
    execFileSync('mount', ['-o', 'remount,ro', dataDir])
    const { code, message } = refusal()
    expect(code).toBe('E_DATA_UNWRITABLE')
    expect(message).toContain('cannot be opened for writing (EROFS)')
  } finally {
    disk.remove()
  }
})
