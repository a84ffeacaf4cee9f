/** What is damaged: every sample as it is, and what is packed in some of them before it is packed. */
import { gzipSync } from 'node:zlib'
import {
  binaryPlist,
  infoPlist,
  makeDmg,
  makeHfsPlus,
} from '../../main/controller/test-kit/disk-images.ts'
import { makePkg, makeXar } from '../../main/controller/test-kit/macos-packages.ts'
import { CONTROL, makeDeb, makeTar } from '../../main/controller/test-kit/packages.ts'
import { SAMPLES } from '../../main/controller/test-kit/samples/index.ts'
import {
  DISTRIBUTION,
  PACKAGE_INFO,
} from '../../main/controller/test-kit/samples/other-platforms.ts'
import { APPX_MANIFEST, MSI } from '../../main/controller/test-kit/samples/windows-packages.ts'
import {
  BURN_MANIFEST,
  NSIS_SCRIPT,
  NUSPEC,
} from '../../main/controller/test-kit/samples/windows-programs.ts'
import { makeInnoHeader, makeInnoInstaller } from '../../main/controller/test-kit/windows/inno.ts'
import { makeNsisInstaller, makeNsisScript } from '../../main/controller/test-kit/windows/nsis.ts'
import {
  makeAdvanced,
  makeBurn,
  makeJpackage,
  makeNupkg,
  makeSevenZip,
  makeSquirrel,
  makeVelopack,
} from '../../main/controller/test-kit/windows/wrappers.ts'
import { makeProgram } from '../../main/controller/test-kit/windows-packages.ts'
import { makeZipOf } from '../../main/controller/test-kit/zip-files.ts'

export type Subject = {
  name: string
  file: string
  whole: Buffer
  /** Names of manifests that come with the file: the damaged part is their text, each separated by a null character. */
  manifests?: readonly string[]
  /** Wraps the damaged part; absent: it is the whole file. */
  pack?: (inner: Buffer) => Buffer | Promise<Buffer>
}
type Packed = [what: string, file: string, whole: Buffer, pack: NonNullable<Subject['pack']>]

const TOC =
  '<?xml version="1.0"?><xar><toc><file id="1"><data><length>5</length><encoding style="application/x-gzip"/><offset>0</offset></data><type>file</type><name>Distribution</name></file></toc></xar>'
const INNO = { texts: { AppName: 'Probe', AppId: 'Probe', AppVersion: '1.2' } }
const NSIS = { instructions: NSIS_SCRIPT, packing: 'deflate' } as const
const text = (value: string): Buffer => Buffer.from(value)

const packed = async (): Promise<Packed[]> => [
  ['script', 'nsis.exe', makeNsisScript(NSIS), (inner) => makeNsisInstaller(NSIS, inner)],
  ['header', 'inno.exe', makeInnoHeader(INNO), (inner) => makeInnoInstaller(INNO, inner)],
  ['manifest', 'burn.exe', text(BURN_MANIFEST), (inner) => makeBurn({ manifest: inner })],
  [
    'description',
    'squirrel.exe',
    text(NUSPEC),
    (inner) => makeSquirrel(makeNupkg(inner.toString('latin1'))),
  ],
  ['archive', 'squirrel.exe', makeNupkg(NUSPEC), (inner) => makeSquirrel(inner)],
  ['archive', 'velopack.exe', makeNupkg(NUSPEC), (inner) => makeVelopack(inner)],
  ['package', 'advanced.exe', MSI, (inner) => makeAdvanced(inner)],
  ['package', 'jpackage.exe', MSI, (inner) => makeJpackage(inner)],
  [
    'settings',
    'sfx-7z.exe',
    text('Title="Probe"\nRunProgram="a.exe"'),
    (inner) => makeSevenZip(inner.toString('latin1')),
  ],
  [
    'manifest',
    'package.msix',
    text(APPX_MANIFEST),
    (inner) => makeZipOf({ 'AppxManifest.xml': inner }),
  ],
  ['package', 'with-msi.zip', MSI, (inner) => makeZipOf({ 'a/setup.msi': inner })],
  [
    'control file',
    'control.deb',
    text(CONTROL),
    (inner) => makeDeb({ control: inner.toString('latin1') }),
  ],
  [
    'control archive',
    'control.deb',
    await makeTar({ './control': CONTROL, './templates': 'Template: a/b\nType: select\n' }),
    (inner) => makeDeb({ controlMember: { name: 'control.tar.gz', bytes: gzipSync(inner) } }),
  ],
  ['table of contents', 'toc.pkg', text(TOC), (inner) => makeXar(inner)],
  [
    'distribution',
    'product.pkg',
    text(DISTRIBUTION),
    (inner) => makePkg([{ name: 'Distribution', text: inner.toString('latin1') }]),
  ],
  [
    'component',
    'component.pkg',
    text(PACKAGE_INFO),
    (inner) => makePkg([{ name: 'PackageInfo', text: inner.toString('latin1') }]),
  ],
  [
    'disk',
    'zlib.dmg',
    makeHfsPlus('A.app', infoPlist('A', '1')),
    (inner) => makeDmg(inner, 0x80000005),
  ],
  [
    'property list',
    'plist.dmg',
    binaryPlist({ CFBundleName: 'A', CFBundleVersion: '1' }),
    (inner) => makeHfsPlus('A.app', inner),
  ],
]

const SHA256 = '0'.repeat(64)
const MANIFESTS: Readonly<Record<string, string>> = {
  'probe.yaml': `PackageIdentifier: Ann.Probe\nPackageName: Probe\nPackageVersion: 2.10\nPublisher: Ann Onym\nInstallers:\n- Architecture: x64\n  ProductCode: '{11111111-2222-3333-4444-555555555555}'\n  InstallerSwitches: {Silent: /S, Custom: "/x=1"}\n  InstallerSuccessCodes: [3010]\n  AppsAndFeaturesEntries:\n  - DisplayVersion: '2.10.1'\n    UpgradeCode: '{66666666-2222-3333-4444-555555555555}'\n`,
  'probe.pkginfo': `<?xml version="1.0"?><plist version="1.0"><dict><key>name</key><string>Probe</string><key>version</key><string>2.5</string><key>receipts</key><array><dict><key>packageid</key><string>org.example.probe</string><key>version</key><string>2.5.0.1</string><key>optional</key><false/></dict></array></dict></plist>`,
  'probe.nuspec': `<package><metadata><id>probe</id><title>Probe</title><version>2.5.0</version><authors>Ann Onym</authors></metadata></package>`,
  'chocolateyInstall.ps1': `$packageArgs = @{\n  checksum = '${SHA256}'\n  # silentArgs = '/old'\n  <# validExitCodes = @(0, 1603)\n  #>\n  silentArgs = '/S'\n  validExitCodes = @(0, 3010)\n}\nInstall-ChocolateyPackage @packageArgs`,
  'Detection.xml': `<ApplicationInfo><Name>Probe</Name><MsiInfo><MsiProductCode>{11111111-2222-3333-4444-555555555555}</MsiProductCode><MsiProductVersion>2.5.0</MsiProductVersion><MsiUpgradeCode>{66666666-2222-3333-4444-555555555555}</MsiUpgradeCode><MsiPublisher>Ann Onym</MsiPublisher></MsiInfo></ApplicationInfo>`,
}
const SETS = [
  ['probe.yaml'],
  ['probe.pkginfo'],
  ['probe.nuspec', 'chocolateyInstall.ps1'],
  ['Detection.xml'],
] as const
const manifestSubjects = (): Subject[] =>
  SETS.flatMap((names) =>
    ['setup.msi', 'setup.exe'].map((file) => ({
      name: `${names.join(' and ')} beside ${file}`,
      file,
      manifests: names,
      whole: text(names.map((name) => MANIFESTS[name]!).join('\0')),
    })),
  )

const others = async (): Promise<Omit<Subject, 'name'>[]> => [
  { file: 'many.zip', whole: makeZipOf({ 'a/install.sh': 'exit 0', 'a/b': 'x'.repeat(600) }) },
  { file: 'plain.tar', whole: await makeTar({ 'a/install.sh': 'exit 0', 'a/b': 'x'.repeat(600) }) },
  { file: 'packed.tar.gz', whole: gzipSync(await makeTar({ 'a/install.sh': 'exit 0' })) },
  { file: 'script.sh', whole: text('#!/bin/sh\nexit 0\n') },
  { file: 'script.ps1', whole: Buffer.from('\ufeffWrite-Output 1', 'utf16le') },
]

export async function subjects(): Promise<Subject[]> {
  const whole = await Promise.all(
    SAMPLES.map(async ({ truth, bytes }) => ({
      name: truth.file,
      file: truth.file,
      whole: await bytes(),
    })),
  )
  return [
    ...whole,
    ...(await packed()).map(([what, file, bytes, pack]) => ({
      name: `${file}, its ${what}`,
      file,
      whole: bytes,
      pack,
    })),
    ...manifestSubjects(),
    ...(await others()).map((one) => ({ name: one.file, ...one })),
  ]
}

/** What the manifests of a subject come with. */
export const installerBeside = (file: string): Buffer =>
  file.endsWith('.msi') ? MSI : makeProgram({ strings: { FileDescription: 'Setup' } })
