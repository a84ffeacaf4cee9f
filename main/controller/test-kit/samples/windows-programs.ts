/** Windows programs: every tool that packs installers, and programs that are none. */
import { signProgram } from '../windows/signed.ts'
import { makeProgram } from '../windows-packages.ts'
import { makeCabinet } from '../windows/cabinet.ts'
import { makeInnoInstaller } from '../windows/inno.ts'
import { LZX } from '../windows/lzx.ts'
import { HKCU, HKLM, makeNsisInstaller, WRITE, type NsisInstruction } from '../windows/nsis.ts'
import {
  makeAdvanced,
  makeBurn,
  makeIexpress,
  makeInstallShield,
  makeJpackage,
  makeNupkg,
  makeRar,
  makeSevenZip,
  makeSquirrel,
  makeVelopack,
} from '../windows/wrappers.ts'
import { CODE, PROBE, type Sample } from './sample.ts'
import { MSI } from './windows-packages.ts'

const KEY = 'Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\Probe'
const registers = (root: number): NsisInstruction[] => [
  [WRITE, root, KEY, 'DisplayName', PROBE.name, 1],
  [WRITE, root, KEY, 'DisplayVersion', PROBE.version, 1],
  [WRITE, root, KEY, 'Publisher', PROBE.publisher, 1],
]
const RETURN: NsisInstruction = [1]
/** Two variables, a comparison, a call: what a run follows. */
export const NSIS_SCRIPT: NsisInstruction[] = [
  [25, 3, '1', '', ''],
  [26, '$3', '1', 4, 0, 0],
  [2, 1],
  ...registers(HKLM),
  RETURN,
]
const entry = [{ type: 'uninstall_entry', key: 'HKLM\\…\\Uninstall\\Probe' }]
const nsis = {
  ...PROBE,
  tech: 'nsis',
  arch: 'any',
  scope: 'machine',
  silent: { args: '/S', works: true },
  rule: entry,
}

const TEXTS = {
  AppName: PROBE.name,
  AppId: 'Probe',
  AppVersion: PROBE.version,
  AppPublisher: PROBE.publisher,
  DefaultDirName: '{autopf}\\Probe',
  UninstallFilesDir: '{app}',
}
const SILENT = '/VERYSILENT /SUPPRESSMSGBOXES /NORESTART /SP-'
const inno = {
  ...PROBE,
  tech: 'inno',
  silent: { args: SILENT, works: true },
  rule: [{ type: 'uninstall_entry', key: 'HKLM\\…\\Uninstall\\Probe_is1' }],
}

export const BURN_MANIFEST = `<BurnManifest Win64="yes"><Registration Id="${CODE}" ExecutableName="probe setup.exe" PerMachine="yes"><Arp Register="yes" DisplayName="${PROBE.name}" DisplayVersion="${PROBE.version}" Publisher="${PROBE.publisher}"/></Registration></BurnManifest>`
export const NUSPEC = `<package><metadata><id>Probe</id><title>${PROBE.name}</title><version>${PROBE.version}</version><authors>${PROBE.publisher}</authors></metadata></package>`
const userKey = [{ type: 'uninstall_entry', key: 'HKCU\\…\\Uninstall\\Probe' }]
const packed = { ...PROBE, arch: 'x64', rule: [{ type: 'msi_product', product_code: CODE }] }
const STRINGS = {
  ProductName: PROBE.name,
  ProductVersion: PROBE.version,
  CompanyName: PROBE.publisher,
}
const plain = {
  ...PROBE,
  tech: 'none',
  installer: false,
  arch: 'any',
  silent: { args: null, works: null },
  rule: null,
}

export const WINDOWS_PROGRAMS: Sample[] = [
  {
    truth: { ...nsis, file: 'nsis-stored.exe' },
    bytes: () => makeNsisInstaller({ instructions: NSIS_SCRIPT }),
  },
  ...(
    ['deflate', 'lzma', 'lzma-x86', 'bzip2', 'lzma-each', 'bzip2-each', 'deflate-each'] as const
  ).map((packing) => ({
    truth: { ...nsis, file: `nsis-${packing}.exe` },
    bytes: () => makeNsisInstaller({ instructions: NSIS_SCRIPT, packing }),
  })),
  {
    truth: { ...nsis, file: 'nsis-2-ansi.exe' },
    bytes: () =>
      makeNsisInstaller({ instructions: NSIS_SCRIPT, ansi: true, version2: true, packing: 'lzma' }),
  },
  {
    truth: { ...nsis, file: 'nsis-x64-in-x86.exe', arch: 'x64' },
    bytes: () => makeNsisInstaller({ instructions: [[13, 12, '256'], ...NSIS_SCRIPT.slice(3)] }),
  },
  {
    truth: {
      ...nsis,
      file: 'nsis-per-user.exe',
      scope: 'user',
      silent: { args: '/S', works: false },
      rule: userKey,
    },
    bytes: () => makeNsisInstaller({ instructions: [...registers(HKCU), RETURN] }),
  },
  {
    truth: { ...nsis, file: 'nsis-asks.exe', silent: { args: '/S', works: false } },
    bytes: () =>
      makeNsisInstaller({
        instructions: [[22, 0x10, 'Close Probe', 0, 0], ...NSIS_SCRIPT.slice(3)],
      }),
  },
  {
    truth: { file: 'nsis-uninstaller.exe', bad: true },
    bytes: () => makeNsisInstaller({ instructions: NSIS_SCRIPT, flags: 1 }),
  },
  {
    truth: { file: 'nsis-cut.exe', bad: true },
    bytes: () => makeNsisInstaller({ instructions: NSIS_SCRIPT }).subarray(0, -40),
  },
  {
    truth: { ...inno, file: 'inno-610.exe', arch: 'any', scope: 'machine' },
    bytes: () => makeInnoInstaller({ texts: TEXTS }),
  },
  {
    truth: { ...inno, file: 'inno-640.exe', arch: 'x64', scope: 'machine' },
    bytes: () =>
      makeInnoInstaller({ texts: TEXTS, format: '6.4.0', architectures: 'x64compatible' }),
  },
  {
    truth: { ...inno, file: 'inno-652.exe', arch: 'x64', scope: 'machine' },
    bytes: () =>
      makeInnoInstaller({ texts: TEXTS, format: '6.5.2', architectures: 'x64compatible' }),
  },
  {
    truth: { ...inno, file: 'inno-newer.exe', arch: 'x64' },
    bytes: () =>
      makeInnoInstaller({ texts: TEXTS, format: '9.0.0', architectures: 'x64compatible' }),
  },
  {
    truth: {
      ...inno,
      file: 'inno-password.exe',
      arch: 'any',
      silent: { args: SILENT, works: false },
    },
    bytes: () => makeInnoInstaller({ texts: TEXTS, hasPassword: true }),
  },
  {
    truth: { ...inno, file: 'inno-code-id.exe', arch: 'any', rule: null },
    bytes: () => makeInnoInstaller({ texts: { ...TEXTS, AppId: '{code:Id}' } }),
  },
  {
    truth: {
      ...PROBE,
      file: 'burn.exe',
      tech: 'burn',
      arch: 'x64',
      scope: 'machine',
      silent: { args: '/quiet /norestart', works: true },
      rule: [{ type: 'uninstall_entry', key: CODE }],
    },
    bytes: () => makeBurn({ manifest: BURN_MANIFEST }),
  },
  {
    truth: {
      ...PROBE,
      file: 'burn-lzx.exe',
      tech: 'burn',
      arch: 'x64',
      scope: 'machine',
      silent: { args: '/quiet /norestart', works: true },
      rule: [{ type: 'uninstall_entry', key: CODE }],
    },
    bytes: () =>
      makeBurn({ manifest: BURN_MANIFEST, container: (bytes) => makeCabinet({ 0: bytes }, LZX()) }),
  },
  {
    truth: {
      ...PROBE,
      file: 'squirrel.exe',
      tech: 'squirrel',
      arch: 'x64',
      scope: 'user',
      silent: { args: '--silent', works: false },
      rule: userKey,
    },
    bytes: () => makeSquirrel(makeNupkg(NUSPEC)),
  },
  {
    truth: {
      ...PROBE,
      file: 'velopack.exe',
      tech: 'velopack',
      arch: 'x64',
      scope: 'user',
      silent: { args: '--silent', works: false },
      rule: userKey,
    },
    bytes: () => makeVelopack(makeNupkg(NUSPEC)),
  },
  {
    truth: {
      file: 'installshield-msi.exe',
      tech: 'installshield',
      names_false: ['InstallShield'],
      silent: { args: '/s /v"/qn"', works: true },
    },
    bytes: () => makeInstallShield(['probe.msi', 'setup.ini']),
  },
  {
    truth: {
      file: 'installshield-script.exe',
      tech: 'installshield',
      names_false: ['InstallShield'],
      silent: { args: '/s', works: false },
    },
    bytes: () => makeInstallShield(['data1.cab', 'data1.hdr', 'setup.inx'], 'plain'),
  },
  {
    truth: {
      file: 'installshield-stream.exe',
      tech: 'installshield',
      names_false: ['InstallShield'],
      silent: { args: '/s /v"/qn"', works: true },
    },
    bytes: () => makeInstallShield(['probe.msi', 'setup.ini'], 'stream'),
  },
  {
    truth: {
      ...packed,
      file: 'advanced.exe',
      tech: 'advanced',
      silent: { args: '/exenoui /quiet /norestart', works: true },
    },
    bytes: () => makeAdvanced(MSI),
  },
  {
    truth: {
      ...packed,
      file: 'jpackage.exe',
      tech: 'jpackage',
      silent: { args: '/qn /norestart', works: true },
    },
    bytes: () => makeJpackage(MSI),
  },
  {
    truth: {
      file: 'sfx-7z.exe',
      tech: 'sevenzip',
      name: PROBE.name,
      silent: { args: '-y', works: true },
      rule: null,
    },
    bytes: () => makeSevenZip('Title="Probe"\nRunProgram="setup.exe"'),
  },
  {
    truth: {
      file: 'sfx-7z-documents.exe',
      tech: 'sevenzip',
      installer: false,
      names_false: ['7-Zip'],
      rule: null,
    },
    bytes: () => makeSevenZip(null),
  },
  {
    truth: { file: 'sfx-rar.exe', tech: 'rar', names_false: ['WinRAR'], rule: null },
    bytes: () => makeRar(),
  },
  {
    truth: { file: 'sfx-rar-4.exe', tech: 'rar', names_false: ['WinRAR'], rule: null },
    bytes: () => makeRar(4),
  },
  {
    truth: {
      file: 'iexpress.exe',
      tech: 'iexpress',
      name: PROBE.name,
      names_false: ['Internet Explorer'],
      silent: { args: '/Q', works: true },
      rule: null,
    },
    bytes: () => makeIexpress({ TITLE: PROBE.name, RUNPROGRAM: 'a.exe', ADMQCMD: 'a.exe /quiet' }),
  },
  { truth: { ...plain, file: 'plain.exe' }, bytes: () => makeProgram({ strings: STRINGS }) },
  {
    truth: { ...plain, file: 'plain-x64.exe', arch: 'x64' },
    bytes: () => makeProgram({ strings: STRINGS, machine: 0x8664 }),
  },
  {
    // Their names in its data make it no installer.
    truth: { ...plain, file: 'plain-with-names.exe' },
    bytes: () =>
      makeProgram({
        strings: STRINGS,
        overlay: Buffer.from(
          'data of Inno Setup Setup Data (6.1.0) SquirrelTemp NullsoftInst ADVINSTSFX InstallShield',
        ),
      }),
  },
  {
    truth: {
      ...PROBE,
      file: 'plain-upx.exe',
      installer: false,
      silent: { args: null, works: null },
      rule: null,
    },
    bytes: () => makeProgram({ strings: STRINGS, sectionName: 'UPX0' }),
  },
  {
    truth: { ...plain, file: 'signed.exe', publisher: PROBE.publisher, signer: 'CN=Ann Onym' },
    bytes: () => signProgram(makeProgram({ strings: STRINGS }), PROBE.publisher),
  },
  {
    truth: { ...nsis, file: 'tampered.exe', signer: 'TAMPERED' },
    bytes: async () => {
      const bytes = await signProgram(
        makeNsisInstaller({ instructions: NSIS_SCRIPT }),
        PROBE.publisher,
      )
      bytes[1_100]! ^= 1
      return bytes
    },
  },
  {
    truth: { file: 'web-page.exe', bad: true },
    bytes: () => Buffer.from('<!DOCTYPE html><html></html>'),
  },
  { truth: { file: 'renamed-msi.exe', bad: true }, bytes: () => MSI },
  {
    truth: { file: 'cut.exe', bad: true },
    bytes: () => makeProgram({ strings: STRINGS }).subarray(0, -8),
  },
]
