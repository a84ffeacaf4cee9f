import fs from 'node:fs/promises'
import path from 'node:path'
import { expect, it } from 'vitest'
import { tempFolder, writeFiles } from '../support/temp-folder.ts'
import {
  executableName,
  fallbackMarker,
  installRuntime,
  installedRuntime,
} from './runtime-files.ts'

async function makeRuntime(folder: string, version: string, isFallback: boolean): Promise<string> {
  await writeFiles(folder, {
    [executableName()]: '#!/bin/sh\n',
    version,
    ...(isFallback && { [fallbackMarker]: '{}' }),
  })
  await fs.chmod(path.join(folder, executableName()), 0o755)
  return folder
}

async function project(wanted = '45.0.0'): Promise<string> {
  const root = await tempFolder()
  await writeFiles(root, {
    'node_modules/electron/package.json': JSON.stringify({ version: wanted }),
  })
  return root
}

it('finds nothing in a fresh installation', async () => {
  expect(await installedRuntime(await project())).toBeNull()
})

it('finds a release of the requested version only', async () => {
  const root = await project('45.0.0')
  await installRuntime(root, await makeRuntime(path.join(root, 'a'), 'v45.0.0', false), 'move')
  expect(await installedRuntime(root)).toMatchObject({ version: '45.0.0', origin: 'official' })

  await writeFiles(root, { 'node_modules/electron/package.json': '{"version":"46.0.0"}' })
  expect(await installedRuntime(root)).toBeNull()
})

it('links a fallback of any version and recognises it as one', async () => {
  const root = await project()
  const folder = await makeRuntime(path.join(root, 'cache'), '33.2.1', true)
  await installRuntime(root, folder, 'link')
  expect(await installedRuntime(root)).toMatchObject({ origin: 'registry-fallback' })

  await fs.rm(path.join(folder, fallbackMarker))
  expect(await installedRuntime(root)).toBeNull()
  await fs.rm(folder, { recursive: true })
  expect(await installedRuntime(root)).toBeNull()
})

it('replaces a link without touching its destination, and a folder with a link', async () => {
  const root = await project()
  const cached = await makeRuntime(path.join(root, 'cache'), '33.2.1', true)
  await installRuntime(root, cached, 'link')
  await installRuntime(root, await makeRuntime(path.join(root, 'a'), '45.0.0', false), 'move')
  expect(await installedRuntime(root)).toMatchObject({ origin: 'official' })
  expect(await fs.readdir(cached)).toContain(fallbackMarker)

  await installRuntime(root, cached, 'link')
  expect(await installedRuntime(root)).toMatchObject({ origin: 'registry-fallback' })
  const left = await fs.readdir(path.join(root, 'node_modules/electron'))
  expect(left.sort()).toEqual(['dist', 'package.json', 'path.txt'])
})

it('works when several processes do it at the same time', async () => {
  const root = await project()
  const cached = await makeRuntime(path.join(root, 'cache'), '33.2.1', true)
  await Promise.all([1, 2, 3, 4].map(() => installRuntime(root, cached, 'link')))
  expect(await installedRuntime(root)).toMatchObject({ origin: 'registry-fallback' })
})
