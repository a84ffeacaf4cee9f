import { createHash } from 'node:crypto'
import fs from 'node:fs/promises'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { pack } from 'tar-stream'
import { expect, it } from 'vitest'
import { tempFolder } from '../support/temp-folder.ts'
import { zipOf } from '../support/zip-for-tests.ts'
import { IntegrityError, extractFromTarball, unzip, verifyIntegrity } from './archive.ts'

const content = Buffer.from('a tarball of Electron')
const integrity = `sha512-${createHash('sha512').update(content).digest('base64')}`

it('accepts the pinned file', async () => {
  const file = path.join(await tempFolder(), 'a.tgz')
  await fs.writeFile(file, content)
  await expect(verifyIntegrity(file, integrity)).resolves.toBeUndefined()
})

it('refuses a file that differs in one bit', async () => {
  const file = path.join(await tempFolder(), 'a.tgz')
  const altered = Buffer.from(content)
  altered.writeUInt8(altered.readUInt8(5) ^ 1, 5)
  await fs.writeFile(file, altered)
  await expect(verifyIntegrity(file, integrity)).rejects.toThrow(IntegrityError)
})

it('refuses a weaker hash algorithm', async () => {
  const file = path.join(await tempFolder(), 'a.tgz')
  await fs.writeFile(file, content)
  const sha1 = `sha1-${createHash('sha1').update(content).digest('base64')}`
  await expect(verifyIntegrity(file, sha1)).rejects.toThrow('unsupported')
})

async function tarball(folder: string): Promise<string> {
  const tar = pack()
  tar.entry({ name: 'package/package.json' }, '{}')
  tar.entry({ name: 'package/big.zip' }, 'z'.repeat(200_000))
  tar.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of tar) chunks.push(chunk as Buffer)
  const file = path.join(folder, 'a.tgz')
  await fs.writeFile(file, gzipSync(Buffer.concat(chunks)))
  return file
}

it('extracts one entry of a tarball', async () => {
  const folder = await tempFolder()
  const target = path.join(folder, 'big.zip')
  await extractFromTarball(await tarball(folder), 'package/big.zip', target)
  expect((await fs.readFile(target, 'utf8')).length).toBe(200_000)
})

it('names a missing entry, and fails on a broken tarball', async () => {
  const folder = await tempFolder()
  const file = await tarball(folder)
  const target = path.join(folder, 'out')
  await expect(extractFromTarball(file, 'package/no.zip', target)).rejects.toThrow('no.zip')
  await fs.truncate(file, 50)
  await expect(extractFromTarball(file, 'package/big.zip', target)).rejects.toThrow()
})

it('unpacks one folder of an archive and skips the excluded paths', async () => {
  const folder = await tempFolder()
  const file = path.join(folder, 'a.zip')
  await fs.writeFile(
    file,
    zipOf({
      'App/run': 'binary',
      'App/resources/app/index.js': 'other product',
      'App/resources/apple.txt': 'stays',
      'App/snapshot.bin': 'out',
      'Other/file': 'elsewhere',
    }),
  )
  const target = path.join(folder, 'target')
  await unzip(file, target, { folder: 'App/', leaveOut: ['resources/app/', 'snapshot.bin'] })
  expect((await fs.readdir(target, { recursive: true })).sort()).toEqual([
    'resources',
    path.join('resources', 'apple.txt'),
    'run',
  ])
  if (process.platform !== 'win32') {
    expect((await fs.stat(path.join(target, 'run'))).mode & 0o111).not.toBe(0)
  }
})

it('writes nothing outside the target folder', async () => {
  const folder = await tempFolder()
  const file = path.join(folder, 'a.zip')
  await fs.writeFile(file, zipOf({ 'App/../../evil': 'x' }))
  const target = path.join(folder, 'deep', 'target')
  await expect(unzip(file, target, { folder: 'App/', leaveOut: [] })).rejects.toThrow()
  expect(await fs.readdir(folder)).toEqual(['a.zip'])
})
