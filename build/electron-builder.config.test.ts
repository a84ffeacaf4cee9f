import fs from 'node:fs/promises'
import path from 'node:path'
import { expect, it } from 'vitest'
import { createBuilderConfig, releaseFuses } from './electron-builder.config.ts'
import { projectRoot } from './support/project.ts'

const release = createBuilderConfig()
const electron = { dist: '/cache/electron', version: '33.2.1', isFallback: true }

const targetNames = (target: unknown): string[] =>
  (target as (string | { target: string })[]).map((one) =>
    typeof one === 'string' ? one : one.target,
  )

it('sets every fuse of a release to its safe value', () => {
  expect(release.electronFuses).toEqual({
    runAsNode: false,
    enableCookieEncryption: true,
    enableNodeOptionsEnvironmentVariable: false,
    enableNodeCliInspectArguments: false,
    enableEmbeddedAsarIntegrityValidation: true,
    onlyLoadAppFromAsar: true,
    loadBrowserProcessSpecificV8Snapshot: false,
    grantFileProtocolExtraPrivileges: false,
  })
})

it('enables only the inspector fuse, and only in a variant that is not a release', () => {
  const inspectable = createBuilderConfig({ variant: 'inspectable' })
  expect(inspectable.electronFuses).toEqual({
    ...releaseFuses,
    enableNodeCliInspectArguments: true,
  })
  expect(createBuilderConfig({ variant: 'not-a-release' }).electronFuses).toEqual(releaseFuses)
})

it('keeps builds that are not releases in another folder and under another name', () => {
  expect(release.directories?.output).toBe('dist')
  expect(JSON.stringify(release)).not.toMatch(/NOT-A-RELEASE|INSPECTABLE/)

  const other = createBuilderConfig({ variant: 'not-a-release', electron })
  expect(other.directories?.output).toBe('dist/not-a-release')
  for (const name of [other.artifactName, other.nsis?.artifactName, other.portable?.artifactName]) {
    expect(name).toContain('-NOT-A-RELEASE.')
  }
})

it('packages what the app needs, and native modules for the target only', () => {
  const files = release.files as string[]
  expect(files).toContain('out/**')
  expect(files).toContain('main/controller/store/migrations/**')
  // Later patterns win: first all of node_modules is excluded, then one module is included again.
  const modules = files.slice(files.indexOf('!node_modules/**') + 1)
  expect(modules.every((pattern) => pattern.startsWith('node_modules/better-sqlite3/'))).toBe(true)
  expect(modules.filter((pattern) => pattern.endsWith('.node'))).toEqual([
    'node_modules/better-sqlite3/prebuilds/${platform}-${arch}.node',
  ])
  expect(release.asarUnpack).toEqual(['**/*.node'])
})

it('includes the Node-API 9 addon with the fallback runtime only', () => {
  const addon = 'node_modules/better-sqlite3/build/Release/better_sqlite3.node'
  expect(release.files).not.toContain(addon)
  expect(createBuilderConfig({ variant: 'not-a-release', electron }).files).toContain(addon)
  const current = { ...electron, isFallback: false }
  expect(createBuilderConfig({ electron: current }).files).not.toContain(addon)
})

it('packages the given Electron, or the one that electron-builder downloads', () => {
  expect(release).not.toHaveProperty('electronDist')
  expect(createBuilderConfig({ electron })).toMatchObject({
    electronDist: '/cache/electron',
    electronVersion: '33.2.1',
  })
})

it('has targets for all three platforms', () => {
  expect(targetNames(release.win?.target)).toEqual(['nsis', 'portable'])
  expect(targetNames(release.mac?.target)).toEqual(['dmg', 'zip'])
  expect(targetNames(release.linux?.target)).toEqual(['deb', 'AppImage', 'tar.gz', 'dir'])
  expect(release.nsis).toMatchObject({ perMachine: true, oneClick: false })
  expect(release).toMatchObject({ appId: 'io.deployx.console', productName: 'DeployX' })
})

it('refers only to files that exist', async () => {
  const { buildResources } = release.directories ?? {}
  expect(buildResources).toBe('build')
  const files = [release.win?.icon, release.mac?.icon, release.linux?.icon, release.nsis?.include]
  for (const file of files) {
    await expect(fs.access(path.join(projectRoot, file ?? '(none)'))).resolves.toBeUndefined()
  }
})

it("opens the hub's port in the Windows installer and closes it in the uninstaller", async () => {
  const script = await fs.readFile(path.join(projectRoot, release.nsis?.include ?? ''), 'utf8')
  const macro = (name: string) =>
    new RegExp(`!macro ${name}\\n([^]*?)!macroend`).exec(script)?.[1] ?? ''
  expect(macro('customInstall')).toMatch(
    /firewall add rule .*dir=in action=allow protocol=TCP localport=7480 program="\$INSTDIR/,
  )
  expect(macro('customInstall').indexOf('delete rule')).toBeLessThan(
    macro('customInstall').indexOf('add rule'),
  )
  expect(macro('customUnInstall')).toContain('firewall delete rule name="${FIREWALL_RULE}"')
  expect(macro('customInstall')).toMatch(/protocol=UDP localport=5353 program="\$INSTDIR/)
  expect(macro('customUnInstall')).toContain('name="${FIREWALL_RULE_DISCOVERY}"')
})
