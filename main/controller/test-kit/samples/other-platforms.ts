/** Packages of Linux and macOS, and archives. */
import { gzipSync } from 'node:zlib'
import { binaryPlist, infoPlist, makeDmg, makeHfsPlus, makeIso } from '../disk-images.ts'
import { makeAppImage, makeMakeself } from '../linux-programs.ts'
import { makePkg, makeSignedPkg } from '../macos-packages.ts'
import {
  CONTROL,
  CONTROL_TAR_XZ,
  CONTROL_TAR_ZST,
  makeDeb,
  makeRpm,
  makeSizedRpm,
  makeTar,
} from '../packages.ts'
import { makeZipOf } from '../zip-files.ts'
import { CODE, PROBE, type Sample } from './sample.ts'
import { MSI } from './windows-packages.ts'

const deb = {
  tech: 'deb',
  name: 'deployx-probe',
  version: '1:2.10-3~test',
  publisher: PROBE.publisher,
  arch: 'x64',
  rule: [{ type: 'dpkg', name: 'deployx-probe' }],
}
const rpm = {
  tech: 'rpm',
  name: 'probe',
  version: '1:2.5-3.el9',
  publisher: PROBE.publisher,
  rule: [{ type: 'rpm', name: 'probe' }],
}
const RPM_TAGS = { 1000: 'probe', 1001: '2.5', 1002: '3.el9', 1003: 1, 1022: 'x86_64' }

export const DISTRIBUTION = `<!-- x --><installer-gui-script><title>${PROBE.name}</title><product id="p" version="${PROBE.version}"/><options hostArchitectures="arm64"/><pkg-ref id="label" version='9' installKBytes="4">#a.pkg</pkg-ref></installer-gui-script>`
export const PACKAGE_INFO = `<pkg-info identifier="org.example.probe" version="${PROBE.version}"><payload installKBytes="1"/><bundle path="./Probe.app" CFBundleShortVersionString="${PROBE.version}"/></pkg-info>`
const PARTS = [
  { name: 'Distribution', text: DISTRIBUTION },
  { name: 'PackageInfo', text: PACKAGE_INFO, folder: 'a.pkg' },
]
const pkg = {
  tech: 'pkg',
  version: PROBE.version,
  rule: [{ type: 'pkgutil', name: 'org.example.probe' }],
}
const dmg = { tech: 'dmg', name: PROBE.name, version: PROBE.version }
const PLIST = infoPlist(PROBE.name, PROBE.version)
const inner = {
  ...PROBE,
  tech: 'msi',
  arch: 'x64',
  rule: [{ type: 'msi_product', product_code: CODE }],
}

export const OTHER_PLATFORMS: Sample[] = [
  { truth: { ...deb, file: 'gz.deb' }, bytes: () => makeDeb() },
  {
    truth: { ...deb, file: 'xz.deb' },
    bytes: () => makeDeb({ controlMember: { name: 'control.tar.xz', bytes: CONTROL_TAR_XZ } }),
  },
  {
    truth: { ...deb, file: 'zst.deb' },
    bytes: () => makeDeb({ controlMember: { name: 'control.tar.zst', bytes: CONTROL_TAR_ZST } }),
  },
  {
    truth: { ...deb, file: 'asks.deb', silent: { args: '-y', works: false } },
    bytes: async () => {
      const tar = await makeTar({
        './control': CONTROL,
        './templates': 'Template: a/b\nType: select\n',
      })
      return makeDeb({ controlMember: { name: 'control.tar.gz', bytes: gzipSync(tar) } })
    },
  },
  {
    truth: { ...rpm, file: 'packager.rpm', arch: 'x64' },
    bytes: () => makeSizedRpm({ ...RPM_TAGS, 1015: 'Ann Onym <ann@example.com>' }),
  },
  {
    truth: { ...rpm, file: 'vendor.rpm', arch: 'any' },
    bytes: () => makeSizedRpm({ ...RPM_TAGS, 1011: PROBE.publisher, 1022: 'noarch' }),
  },
  { truth: { file: 'source.src.rpm', bad: true }, bytes: () => makeRpm({ ...RPM_TAGS, 1044: '' }) },
  {
    truth: { ...pkg, file: 'product.pkg', name: PROBE.name, arch: 'arm64' },
    bytes: () => makePkg(PARTS),
  },
  {
    truth: { ...pkg, file: 'component.pkg' },
    bytes: () => makePkg([{ name: 'PackageInfo', text: PACKAGE_INFO }]),
  },
  {
    truth: {
      ...pkg,
      file: 'signed.pkg',
      name: PROBE.name,
      signer: 'CN=Developer ID Installer: Ann Onym (TEAM)',
    },
    bytes: () => makeSignedPkg('Developer ID Installer: Ann Onym (TEAM)', PARTS),
  },
  { truth: { ...dmg, file: 'raw-iso.dmg' }, bytes: () => makeIso('Probe.app', PLIST) },
  {
    truth: { ...dmg, file: 'zlib-iso.dmg' },
    bytes: () => makeDmg(makeIso('Probe.app', PLIST), 0x80000005),
  },
  {
    truth: { ...dmg, file: 'raw-hfs.dmg' },
    bytes: () =>
      makeHfsPlus(
        'Probe.app',
        binaryPlist({ CFBundleName: PROBE.name, CFBundleShortVersionString: PROBE.version }),
      ),
  },
  {
    truth: { ...dmg, file: 'koly-hfs.dmg' },
    bytes: () => makeDmg(makeHfsPlus('Probe.app', PLIST)),
  },
  {
    truth: {
      file: 'Woad_Painter-0.8.1-x86_64.AppImage',
      tech: 'appimage',
      name: 'Woad Painter',
      version: '0.8.1',
      arch: 'x64',
    },
    bytes: () => makeAppImage(500),
  },
  {
    truth: {
      file: 'verbena.run',
      tech: 'makeself',
      name: 'Verbena',
      version: '2.0',
      silent: { args: '--quiet --accept', works: true },
    },
    bytes: () => makeMakeself(400),
  },
  {
    truth: {
      file: 'encrypted.sh',
      tech: 'makeself',
      silent: { args: '--quiet --accept', works: false },
    },
    bytes: () => makeMakeself(400, 'decrypt_cmd="openssl aes-256-cbc -d"\n'),
  },
  {
    truth: { ...inner, file: 'with-msi.zip' },
    bytes: () => makeZipOf({ 'probe/setup.msi': MSI, 'probe/read.me': 'x' }),
  },
  {
    truth: { ...inner, file: 'with-msi.tar.gz' },
    bytes: async () => gzipSync(await makeTar({ 'probe/setup.msi': MSI, 'probe/read.me': 'x' })),
  },
]
