import { createHash } from 'node:crypto'
import fs from 'node:fs/promises'
import { createServer } from 'node:http'
import type { RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { projectRoot } from '../support/project.ts'
import { tempFolder, writeFiles } from '../support/temp-folder.ts'
import { zipOf } from '../support/zip-for-tests.ts'
import { installOfficial } from './official.ts'
import {
  executableName,
  fallbackMarker,
  installRuntime,
  installedRuntime,
} from './runtime-files.ts'

const version = '98.7.6'
const zip = zipOf({ [executableName()]: '#!/bin/sh\n', version })
const sha256 = createHash('sha256').update(zip).digest('hex')

/** A project whose `electron` package asks for a version that exists only on this test's mirror. */
async function project(checksum = sha256): Promise<string> {
  const root = await tempFolder()
  // @electron/get keeps downloads between runs, so each test uses its own cache.
  vi.stubEnv('electron_config_cache', path.join(root, 'cache'))
  const zipName = `electron-v${version}-${process.platform}-${process.arch}.zip`
  await writeFiles(root, {
    'node_modules/electron/package.json': JSON.stringify({ name: 'electron', version }),
    'node_modules/electron/index.js': '',
    'node_modules/electron/checksums.json': JSON.stringify({ [zipName]: checksum }),
  })
  for (const scope of ['@electron', '@electron-internal']) {
    const from = path.join(projectRoot, 'node_modules', scope)
    await fs.symlink(from, path.join(root, 'node_modules', scope), 'junction')
  }
  return root
}

async function mirror(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
    vi.unstubAllEnvs()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  vi.stubEnv('ELECTRON_MIRROR', url)
  return url
}

const quiet = { onProgress: () => undefined }

it('downloads the requested release and replaces a fallback with it', async () => {
  const root = await project()
  await writeFiles(root, { [`old/${executableName()}`]: '', [`old/${fallbackMarker}`]: '{}' })
  await installRuntime(root, path.join(root, 'old'), 'link')
  const asked: string[] = []
  await mirror((request, response) => {
    asked.push(request.url ?? '')
    response.setHeader('content-length', zip.length).end(zip)
  })
  await expect(installOfficial(root, quiet)).resolves.toMatchObject({ version, origin: 'official' })
  expect(asked).toEqual([
    `/v${version}/electron-v${version}-${process.platform}-${process.arch}.zip`,
  ])
  expect(await installedRuntime(root)).toMatchObject({ version, origin: 'official' })
  expect(await fs.readdir(path.join(root, 'old'))).toContain(fallbackMarker)
})

it('refuses a file with the wrong checksum and changes nothing', async () => {
  const root = await project('0'.repeat(64))
  await mirror((_request, response) => void response.end(zip))
  await expect(installOfficial(root, quiet)).rejects.toThrow(/could not be downloaded: .*checksum/i)
  const left = await fs.readdir(path.join(root, 'node_modules/electron'))
  expect(left.sort()).toEqual(['checksums.json', 'index.js', 'package.json'])
})

it('times out when no data arrives', async () => {
  const root = await project()
  await mirror(() => undefined)
  const attempt = installOfficial(root, { ...quiet, stallMs: 300 })
  await expect(attempt).rejects.toThrow('nothing arrived for 0.3 s')
})

it('times out on a download that never finishes', async () => {
  const root = await project()
  await mirror((_request, response) => {
    const drip = setInterval(() => response.write('.'), 50)
    response.once('close', () => clearInterval(drip))
  })
  const attempt = installOfficial(root, { ...quiet, stallMs: 10_000, totalMs: 500 })
  await expect(attempt).rejects.toThrow('not finished after 0.5 s')
})

it('reports why a host is unreachable', async () => {
  const root = await project()
  // A port without a listener.
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  onTestFinished(() => void vi.unstubAllEnvs())
  vi.stubEnv('ELECTRON_MIRROR', `http://127.0.0.1:${port}/`)
  await expect(installOfficial(root, quiet)).rejects.toThrow(/fetch failed: .*ECONNREFUSED/)
})
