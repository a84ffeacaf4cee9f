/** What manifests beside an installer contribute, and how hostile ones are ignored. */
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { kindOfFileName } from '#shared/domain/platforms.ts'
import { openInspector } from '../../test-kit/inspector.ts'
import { makePkg } from '../../test-kit/macos-packages.ts'
import { MSI } from '../../test-kit/samples/windows-packages.ts'
import { makeProgram } from '../../test-kit/windows-packages.ts'

const inspector = openInspector()
afterAll(() => inspector.close())

const SETUP = makeProgram({ strings: { FileDescription: 'Setup' } })
const sha256Of = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
const SHA256 = sha256Of(SETUP)
const CODE = '{11111111-2222-3333-4444-555555555555}'

function look(manifests: Record<string, string>, bytes = SETUP, fileName = 'setup.exe') {
  const path = join(inspector.folder, fileName)
  writeFileSync(path, bytes)
  const files = Object.entries(manifests).map(([name, text]) => ({ name, text }))
  const kind = kindOfFileName(fileName)!
  return inspector.inspection.inspect(
    { path, fileName, kind, manifests: { files, sha256: sha256Of(bytes) } },
    '',
  )
}
const winget = (sha256: string, silent = '/S', more = ''): string => `PackageIdentifier: Ann.Probe
PackageName: Probe
PackageVersion: 2.10
Publisher: Ann Onym
Installers:
- Architecture: x64
  InstallerSha256: ${sha256}
  ProductCode: '${CODE}'
  InstallerSwitches:
    Silent: ${silent}
  InstallerSuccessCodes: [3010]
${more}`
const ofManifest = <T>(value: T, format: string, level = 'usual') => ({
  value,
  level,
  source: `manifest (${format})`,
})

describe('a manifest with the hash of the installer', () => {
  it('of winget adds what the installer does not say', async () => {
    const found = await look({ 'a.yaml': winget(SHA256.toUpperCase()) })
    expect(found).toMatchObject({ name: 'Probe', version: '2.10', publisher: 'Ann Onym' })
    const rule = { type: 'uninstall_key', key: CODE, hive: 'machine', operator: 'ge' }
    expect(found.detection).toEqual({ ...rule, version: '2.10' })
    const unordered = winget(SHA256).replace('2.10', 'latest')
    const { detection, knowledge } = await look({ 'a.yaml': unordered })
    expect(detection).toBeNull()
    expect(knowledge!.facts).toMatchObject({ upgrade_of: ofManifest(rule, 'winget') })
    expect(found.knowledge!.facts).toMatchObject({
      name: ofManifest('Probe', 'winget'),
      install_args: ofManifest('/S', 'winget'),
      success_exit_codes: ofManifest([0, 3010], 'winget'),
    })
  })
  it('of Chocolatey is read with its script, which is not run', async () => {
    const found = await look({
      'probe.nuspec':
        '<package><metadata><id>probe</id><title>Probe</title><version>2.5.0</version><authors>Ann Onym</authors></metadata></package>',
      'chocolateyInstall.ps1': `$packageArgs = @{\n  checksum = '${SHA256}'\n  # silentArgs = '/old' # as before\n  <# validExitCodes = @(0, 1603)\n  #>\n  silentArgs = '/S'\n  validExitCodes = @(0, 3010)\n}\nInstall-ChocolateyPackage @packageArgs`,
    })
    expect(found.knowledge!.facts).toMatchObject({
      name: ofManifest('Probe', 'Chocolatey'),
      install_args: ofManifest('/S', 'Chocolatey'),
      success_exit_codes: ofManifest([0, 3010], 'Chocolatey'),
    })
  })
  it('of Munki names the receipt of a package', async () => {
    const pkg = makePkg([{ name: 'Distribution', text: '<installer-gui-script/>' }])
    const receipt = '<key>version</key><string>2.5.0.1</string>'
    const plist = `<plist version="1.0"><dict><key>name</key><string>Probe</string><key>version</key><string>2.5</string><key>installer_item_hash</key><string>${sha256Of(pkg)}</string><key>receipts</key><array><dict><key>packageid</key><string>org.example.probe</string>${receipt}</dict></array></dict></plist>`
    const found = await look({ 'Probe.plist': plist }, pkg, 'probe.pkg')
    const rule = { type: 'pkgutil', name: 'org.example.probe', operator: 'ge' }
    expect(found.detection).toEqual({ ...rule, version: '2.5.0.1' })
    const without = await look({ 'Probe.plist': plist.replace(receipt, '') }, pkg, 'probe.pkg')
    expect(without.detection).toBeNull()
  })
  it('replaces nothing that the installer says itself', async () => {
    const { knowledge } = await look(
      { 'a.yaml': winget(sha256Of(MSI), '/other').replace('Name: Probe', 'Name: Other') },
      MSI,
      'a.msi',
    )
    expect(knowledge!.facts.name).toMatchObject({ value: 'Probe', level: 'read' })
    expect(knowledge!.facts.install_args).toMatchObject({ value: '/qn /norestart' })
  })
})

describe('a manifest without a hash', () => {
  it('of Intune yields guesses, and no rule that is applied', async () => {
    const xml = `<ApplicationInfo><Name>Probe</Name><MsiInfo><MsiProductCode>${CODE}</MsiProductCode><MsiProductVersion>2.5.0</MsiProductVersion><MsiPublisher>Ann Onym</MsiPublisher></MsiInfo></ApplicationInfo>`
    const found = await look({ 'Detection.xml': xml })
    expect(found).toMatchObject({ name: 'Setup', publisher: 'Ann Onym', detection: null })
    expect(found.knowledge!.facts.detection).toMatchObject({ level: 'guess' })
  })
})

describe('a manifest', () => {
  const nested = `PackageIdentifier: x\nInstallers: ${'['.repeat(100_000)}`
  it.each<[string, Record<string, string>]>([
    ['of another file', { 'a.yaml': winget('0'.repeat(64)) }],
    ['with anchors', { 'a.yaml': winget(SHA256, '&a /S', 'More: *a\n') }],
    [
      'that doubles itself',
      { 'a.yaml': `a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nPackageIdentifier: x\n` },
    ],
    ['that is nested deeply', { 'a.yaml': nested }],
    [
      'with entities',
      {
        'a.nuspec':
          '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><package><metadata><id>&b;</id></metadata></package>',
      },
    ],
    ['with many keys', { 'a.yaml': Array.from({ length: 30_000 }, (_, i) => `k${i}:`).join('\n') }],
    ['that is damaged', { 'a.plist': '<plist><dict><key>name' }],
    ['of no kind', { 'readme.txt': 'hello' }],
  ])('%s is ignored with a warning', async (_what, manifests) => {
    const { knowledge, name } = await look(manifests)
    expect(knowledge!.warnings.map(({ code }) => code)).toEqual(['manifest_ignored'])
    expect(knowledge!.facts.install_args).toBeUndefined()
    expect(name).toBe('Setup')
    expect(inspector.faults).toEqual([])
  })

  it.each([
    '/S & calc.exe',
    '/S | more',
    '"/S `whoami`"',
    '/S $(calc)',
    '"/S\\n/x"',
    '%TEMP%\\a.exe',
  ])('contributes no switches such as %s', async (silent) => {
    const { knowledge } = await look({ 'a.yaml': winget(SHA256, silent) })
    expect(knowledge!.facts.install_args).toBeUndefined()
  })
  it('contributes no exit codes that are too large, and keeps versions as text', async () => {
    const text = winget(SHA256).replace('[3010]', `[${'9'.repeat(400)}]`)
    const { knowledge } = await look({ 'a.yaml': text })
    expect(knowledge!.facts.success_exit_codes).toBeUndefined()
    expect(knowledge!.facts.version).toMatchObject({ value: '2.10' })
  })
})
