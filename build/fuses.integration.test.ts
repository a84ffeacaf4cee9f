/** Detects a fuse that has the wrong value in the executable, on a copy of the local Electron. */
import { FuseV1Options, FuseVersion, flipFuses } from '@electron/fuses'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { fusesOf } from './electron-builder.config.ts'
import { resolveElectron } from './electron-runtime/resolve.ts'
import { wrongFuses } from './fuses.ts'

let folder: string
let copy: string
beforeAll(async () => {
  const electron = await resolveElectron({ fallback: 'allow', onProgress: () => undefined })
  folder = await mkdtemp(join(tmpdir(), 'deployx-fuses-'))
  copy = join(folder, 'electron')
  await copyFile(electron.executable, copy)
}, 900_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

it('finds every fuse that differs from a release, and none after they are set', async () => {
  expect(await wrongFuses(copy, fusesOf('release'))).toContain('runAsNode')
  const all = {
    [FuseV1Options.RunAsNode]: false,
    [FuseV1Options.EnableCookieEncryption]: true,
    [FuseV1Options.EnableNodeOptionsEnvironmentVariable]: false,
    [FuseV1Options.EnableNodeCliInspectArguments]: false,
    [FuseV1Options.EnableEmbeddedAsarIntegrityValidation]: true,
    [FuseV1Options.OnlyLoadAppFromAsar]: true,
    [FuseV1Options.LoadBrowserProcessSpecificV8Snapshot]: false,
    [FuseV1Options.GrantFileProtocolExtraPrivileges]: false,
  }
  await flipFuses(copy, { version: FuseVersion.V1, ...all })
  expect(await wrongFuses(copy, fusesOf('release'))).toEqual([])
  expect(await wrongFuses(copy, fusesOf('inspectable'))).toEqual(['enableNodeCliInspectArguments'])
  await flipFuses(copy, { version: FuseVersion.V1, [FuseV1Options.RunAsNode]: true })
  expect(await wrongFuses(copy, fusesOf('release'))).toEqual(['runAsNode'])
})
