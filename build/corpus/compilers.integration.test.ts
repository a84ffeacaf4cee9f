/** Installers by the compilers that Debian has: what is read from them is true, and cut off they are refused or shown as incomplete. */
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { openInspector } from '../../main/controller/test-kit/inspector.ts'
import { run } from '../support/run.ts'
import { systemPackagesCommand } from '../system-packages.ts'
import { compare, TrueFacts } from './compare.ts'

const TIMEOUT_MS = 180_000
const inspector = openInspector()
const folder = mkdtempSync(path.join(tmpdir(), 'deployx-compilers-'))
afterAll(async () => {
  await inspector.close()
  rmSync(folder, { recursive: true, force: true })
})

async function make(command: string, args: string[], cwd: string): Promise<void> {
  const result = await run(command, args, { timeoutMs: TIMEOUT_MS, cwd }).catch(
    (error: unknown) => ({ code: null, stdout: '', stderr: String(error) }),
  )
  if (result.code !== 0)
    throw new Error(
      `${command} failed: ${result.stdout}${result.stderr}\nIf it is missing: ${systemPackagesCommand(['windows', 'package-tools'])}`,
    )
}
function newFolder(name: string): string {
  const made = path.join(folder, name)
  mkdirSync(made, { recursive: true })
  return made
}

const KEY = 'Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\OnyxTool'
async function nsis(name: string, head: string): Promise<Buffer> {
  const place = newFolder(name)
  const values = { DisplayName: 'Onyx Tool', DisplayVersion: '4.5.6', Publisher: 'Onyx Ltd' }
  const writes = Object.entries(values).map(
    ([value, text]) => `WriteRegStr HKLM "${KEY}" "${value}" "${text}"`,
  )
  writeFileSync(
    path.join(place, 'a.nsi'),
    `${head}
Name "Onyx"
OutFile "a.exe"
InstallDir "$PROGRAMFILES\\Onyx"
Section
SetOutPath "$INSTDIR"
File "${import.meta.filename}"
WriteUninstaller "$INSTDIR\\u.exe"
${writes.join('\n')}
SectionEnd
Section Uninstall
SectionEnd
`,
  )
  await make('makensis', ['-V1', 'a.nsi'], place)
  return readFileSync(path.join(place, 'a.exe'))
}

const PRODUCT = '{1D0AC0DE-0009-4A00-8A00-00000000A009}'
async function wixl(): Promise<Buffer> {
  const place = newFolder('msi')
  writeFileSync(
    path.join(place, 'a.wxs'),
    `<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi"><Product Id="${PRODUCT}" Name="Onyx Suite" Language="1033" Version="4.5.6" Manufacturer="Onyx Ltd" UpgradeCode="{1D0AC0DE-0009-4A00-8A00-00000000B009}"><Package InstallerVersion="200" Compressed="yes" InstallScope="perMachine"/><Media Id="1" Cabinet="a.cab" EmbedCab="yes"/><Directory Id="TARGETDIR" Name="SourceDir"><Directory Id="ProgramFiles64Folder"><Directory Id="D" Name="Onyx"><Component Id="C" Guid="{1D0AC0DE-0009-4A00-8A00-00000000C009}" Win64="yes"><File Id="F" Source="a.wxs" KeyPath="yes"/></Component></Directory></Directory></Directory><Feature Id="A" Level="1"><ComponentRef Id="C"/></Feature></Product></Wix>`,
  )
  await make('wixl', ['-a', 'x64', '-o', 'a.msi', 'a.wxs'], place)
  return readFileSync(path.join(place, 'a.msi'))
}

async function rpmbuild(): Promise<Buffer> {
  const place = newFolder('rpm')
  writeFileSync(
    path.join(place, 'a.spec'),
    'Name: onyx\nVersion: 4.5.6\nRelease: 7\nEpoch: 2\nSummary: Onyx\nLicense: MIT\nVendor: Onyx Ltd\nBuildArch: noarch\n%description\nOnyx\n%install\nmkdir -p %{buildroot}/opt/onyx\ncp /etc/passwd %{buildroot}/opt/onyx/a\n%files\n/opt/onyx/a\n',
  )
  await make('rpmbuild', ['-bb', '--define', `_topdir ${place}`, 'a.spec'], place)
  const built = path.join(place, 'RPMS', 'noarch')
  return readFileSync(path.join(built, readdirSync(built)[0]!))
}

const deb = (packing: string) => async (): Promise<Buffer> => {
  const place = newFolder(`deb-${packing}`)
  mkdirSync(path.join(place, 'root', 'DEBIAN'), { recursive: true })
  writeFileSync(
    path.join(place, 'root', 'DEBIAN', 'control'),
    'Package: onyx\nVersion: 2:4.5.6-7\nArchitecture: amd64\nMaintainer: Ann Onym <ann@example.org>\nDescription: Onyx\n',
  )
  writeFileSync(path.join(place, 'root', 'data'), 'x'.repeat(5_000))
  await make('dpkg-deb', [`-Z${packing}`, '--root-owner-group', '-b', 'root', 'a.deb'], place)
  return readFileSync(path.join(place, 'a.deb'))
}

const program = {
  tech: 'nsis',
  name: 'Onyx Tool',
  version: '4.5.6',
  publisher: 'Onyx Ltd',
  scope: 'machine',
  silent: { args: '/S', works: true },
  rule: [{ type: 'uninstall_entry', key: 'HKLM\\…\\Uninstall\\OnyxTool' }],
}
const COMPRESSORS = ['zlib', '/SOLID zlib', 'bzip2', '/SOLID bzip2', 'lzma', '/SOLID lzma']
const MADE: [file: string, truth: object, bytes: () => Promise<Buffer>][] = [
  ...COMPRESSORS.map((how): (typeof MADE)[number] => [
    `nsis ${how.replace('/', '')}.exe`,
    { ...program, arch: 'any' },
    () => nsis(how.replace(/\W/g, ''), `SetCompressor ${how}`),
  ]),
  ['nsis ansi.exe', { ...program, arch: 'any' }, () => nsis('ansi', 'Unicode false')],
  ['nsis amd64.exe', { ...program, arch: 'x64' }, () => nsis('amd64', 'Target amd64-unicode')],
  [
    'wixl.msi',
    {
      tech: 'msi',
      name: 'Onyx Suite',
      version: '4.5.6',
      publisher: 'Onyx Ltd',
      arch: 'x64',
      scope: 'machine',
      rule: [{ type: 'msi_product', product_code: PRODUCT }],
    },
    wixl,
  ],
  [
    'rpmbuild.rpm',
    {
      tech: 'rpm',
      name: 'onyx',
      version: '2:4.5.6-7',
      publisher: 'Onyx Ltd',
      arch: 'any',
      rule: [{ type: 'rpm', name: 'onyx' }],
    },
    rpmbuild,
  ],
  ...['gzip', 'xz', 'zstd'].map((packing): (typeof MADE)[number] => [
    `dpkg-deb ${packing}.deb`,
    {
      tech: 'deb',
      name: 'onyx',
      version: '2:4.5.6-7',
      publisher: 'Ann Onym',
      arch: 'x64',
      rule: [{ type: 'dpkg', name: 'onyx' }],
    },
    deb(packing),
  ]),
]

describe('the installers of real compilers', () => {
  it.each(MADE)(
    '%s is read right, and not taken for whole when it is cut off',
    async (file, truth, build) => {
      const whole = await build()
      const found = await inspector.look(file, whole)
      expect(found.knowledge?.complete).toBe(true)
      const compared = compare(TrueFacts.strict().parse({ file, ...truth }), found)
      expect(Object.entries(compared).filter(([, { verdict }]) => verdict !== 'right')).toEqual([])
      for (const share of [0.25, 0.5, 0.75, 0.95, 0.99])
        await expect(
          inspector.look(file, whole.subarray(0, Math.floor(whole.length * share))),
          `${100 * share} %`,
        ).rejects.toThrow(/cut off|missing|damaged/)
      expect(inspector.faults).toEqual([])
    },
  )
})
