import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { withLock } from './lock.ts'
import { tempFolder } from './temp-folder.ts'

it('admits one caller at a time', async () => {
  const lock = path.join(await tempFolder(), 'lock')
  let inside = 0
  let most = 0
  const work = async () => {
    most = Math.max(most, (inside += 1))
    await sleep(50)
    inside -= 1
  }
  await Promise.all([1, 2, 3].map(() => withLock(lock, { waitMs: 5_000 }, work)))
  expect(most).toBe(1)
})

it('is released after an error', async () => {
  const lock = path.join(await tempFolder(), 'lock')
  const failing = withLock(lock, { waitMs: 0 }, () => Promise.reject(new Error('broken')))
  await expect(failing).rejects.toThrow('broken')
  await expect(withLock(lock, { waitMs: 0 }, async () => 'in')).resolves.toBe('in')
})

it('takes over from a process that died', async () => {
  const lock = path.join(await tempFolder(), 'lock')
  await fs.mkdir(lock)
  // Above the highest process id of Linux and macOS.
  await fs.writeFile(path.join(lock, 'owner'), `${os.hostname()} 99999999`)
  await expect(withLock(lock, { waitMs: 2_000 }, async () => 'in')).resolves.toBe('in')
})

it('takes over when the heartbeat stops', async () => {
  const lock = path.join(await tempFolder(), 'lock')
  await fs.mkdir(lock)
  await fs.writeFile(path.join(lock, 'owner'), 'another-host 1')
  const old = new Date(Date.now() - 10_000)
  await fs.utimes(lock, old, old)
  const options = { waitMs: 2_000, staleMs: 5_000 }
  await expect(withLock(lock, options, async () => 'in')).resolves.toBe('in')
})

it('notifies the caller once that it waits, and times out while the holder is alive', async () => {
  const lock = path.join(await tempFolder(), 'lock')
  let notified = 0
  await withLock(lock, { waitMs: 0 }, async () => {
    const second = withLock(lock, { waitMs: 300, onWait: () => (notified += 1) }, async () => 'in')
    await expect(second).rejects.toThrow('still held')
  })
  expect(notified).toBe(1)
})
