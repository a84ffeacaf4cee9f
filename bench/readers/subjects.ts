/** What is damaged: every sample as it is, and what is packed in some of them before it is packed. */
import { gzipSync } from 'node:zlib'
import { binaryPlist, infoPlist, makeDmg, makeHfsPlus } from '../../main/controller/test-kit/disk-images.ts' // prettier-ignore
import { makePkg, makeXar } from '../../main/controller/test-kit/macos-packages.ts'
import { CONTROL, makeDeb, makeTar } from '../../main/controller/test-kit/packages.ts'
import { SAMPLES } from '../../main/controller/test-kit/samples/index.ts'
import { DISTRIBUTION, PACKAGE_INFO } from '../../main/controller/test-kit/samples/other-platforms.ts' // prettier-ignore
import { APPX_MANIFEST, MSI } from '../../main/controller/test-kit/samples/windows-packages.ts'
import { BURN_MANIFEST, NSIS_SCRIPT, NUSPEC } from '../../main/controller/test-kit/samples/windows-programs.ts' // prettier-ignore
import { makeInnoHeader, makeInnoInstaller } from '../../main/controller/test-kit/windows/inno.ts'
import { makeNsisInstaller, makeNsisScript } from '../../main/controller/test-kit/windows/nsis.ts'
import { makeAdvanced, makeBurn, makeJpackage, makeNupkg, makeSevenZip, makeSquirrel, makeVelopack } from '../../main/controller/test-kit/windows/wrappers.ts' // prettier-ignore
import { makeZipOf } from '../../main/controller/test-kit/zip-files.ts'

export type Subject = {
  name: string
  file: string
  whole: Buffer
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
  ['manifest', 'burn.exe', text(BURN_MANIFEST), (inner) => makeBurn({ manifest: inner })], // prettier-ignore
  ['description', 'squirrel.exe', text(NUSPEC), (inner) => makeSquirrel(makeNupkg(inner.toString('latin1')))], // prettier-ignore
  ['archive', 'squirrel.exe', makeNupkg(NUSPEC), (inner) => makeSquirrel(inner)],
  ['archive', 'velopack.exe', makeNupkg(NUSPEC), (inner) => makeVelopack(inner)],
  ['package', 'advanced.exe', MSI, (inner) => makeAdvanced(inner)],
  ['package', 'jpackage.exe', MSI, (inner) => makeJpackage(inner)],
  ['settings', 'sfx-7z.exe', text('Title="Probe"\nRunProgram="a.exe"'), (inner) => makeSevenZip(inner.toString('latin1'))], // prettier-ignore
  ['manifest', 'package.msix', text(APPX_MANIFEST), (inner) => makeZipOf({ 'AppxManifest.xml': inner })], // prettier-ignore
  ['package', 'with-msi.zip', MSI, (inner) => makeZipOf({ 'a/setup.msi': inner })],
  ['control file', 'control.deb', text(CONTROL), (inner) => makeDeb({ control: inner.toString('latin1') })], // prettier-ignore
  ['control archive', 'control.deb', await makeTar({ './control': CONTROL, './templates': 'Template: a/b\nType: select\n' }), (inner) => makeDeb({ controlMember: { name: 'control.tar.gz', bytes: gzipSync(inner) } })], // prettier-ignore
  ['table of contents', 'toc.pkg', text(TOC), (inner) => makeXar(inner)],
  ['distribution', 'product.pkg', text(DISTRIBUTION), (inner) => makePkg([{ name: 'Distribution', text: inner.toString('latin1') }])], // prettier-ignore
  ['component', 'component.pkg', text(PACKAGE_INFO), (inner) => makePkg([{ name: 'PackageInfo', text: inner.toString('latin1') }])], // prettier-ignore
  ['disk', 'zlib.dmg', makeHfsPlus('A.app', infoPlist('A', '1')), (inner) => makeDmg(inner, 0x80000005)], // prettier-ignore
  ['property list', 'plist.dmg', binaryPlist({ CFBundleName: 'A', CFBundleVersion: '1' }), (inner) => makeHfsPlus('A.app', inner)], // prettier-ignore
]

const others = async (): Promise<Omit<Subject, 'name'>[]> => [
  { file: 'many.zip', whole: makeZipOf({ 'a/install.sh': 'exit 0', 'a/b': 'x'.repeat(600) }) },
  { file: 'plain.tar', whole: await makeTar({ 'a/install.sh': 'exit 0', 'a/b': 'x'.repeat(600) }) }, // prettier-ignore
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
    ...(await packed()).map(([what, file, bytes, pack]) => ({ name: `${file}, its ${what}`, file, whole: bytes, pack })), // prettier-ignore
    ...(await others()).map((one) => ({ name: one.file, ...one })),
  ]
}
