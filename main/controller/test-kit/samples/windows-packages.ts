/** Packages of Windows Installer and of Windows itself. */
import { makeMsix } from '../msix.ts'
import { makeMsiBytes, MSP_CLASS, packName, type MsiTable } from '../windows-packages.ts'
import { makeCabinet } from '../windows/cabinet.ts'
import { makeZipOf } from '../zip-files.ts'
import { CODE, PROBE, type Sample } from './sample.ts'

const MST_CLASS = '82100c0000000000c000000000000046'
export const PROPERTIES = {
  ProductName: PROBE.name,
  ProductVersion: PROBE.version,
  Manufacturer: PROBE.publisher,
  ProductCode: CODE,
  UpgradeCode: '{66666666-2222-3333-4444-555555555555}',
} as const
const rule = [{ type: 'msi_product', product_code: CODE }]
const silent = { args: '/qn /norestart', works: true }
const msi = { ...PROBE, tech: 'msi', silent, rule }

export const TABLES: MsiTable[] = [
  {
    name: 'LaunchCondition',
    columns: { Condition: 's', Description: 's' },
    rows: [['KEY OR (Installed AND NOT (A >< "b"))', 'x']],
  },
  { name: 'Component', columns: { Component: 's', Attributes: 'i' }, rows: [['a', 256]] },
  {
    name: 'CustomAction',
    columns: { Action: 's', Type: 'i', Source: 's', Target: 's' },
    rows: [['a', 51, 'ALLUSERS', '1']],
  },
  {
    name: 'InstallExecuteSequence',
    columns: { Action: 's', Condition: 's', Sequence: 'i' },
    rows: [['a', '', 50]],
  },
]
export const MSI = makeMsiBytes({
  properties: { ...PROPERTIES, ALLUSERS: '1' },
  template: 'x64;1033',
  tables: [{ name: 'Component', columns: { Component: 's', Attributes: 'i' }, rows: [['a', 256]] }],
})

const PUBLISHER = 'CN=Ann Onym, O=Ann Onym Ltd, C=DE'
export const APPX_MANIFEST = `<?xml version="1.0"?><Package><Identity Name="Contoso.Probe" Publisher="${PUBLISHER}" Version="2.5.0.0" ProcessorArchitecture="x64"/><Properties><DisplayName>Probe</DisplayName><PublisherDisplayName>Ann Onym</PublisherDisplayName></Properties></Package>`
const BUNDLE = `<Bundle><Identity Name="Contoso.Probe" Publisher="${PUBLISHER}" Version="2.5.0.0"/><Packages><Package Type="application" Architecture="x64"/><Package Type="application" Architecture="arm64"/></Packages></Bundle>`
const provisioned = { args: 'Add-AppxProvisionedPackage', works: true }
const appx = [{ type: 'appx', name: 'Contoso.Probe' }]

const PATCH: MsiTable = {
  name: 'MsiPatchMetadata',
  columns: { Company: 's', Property: 's', Value: 's' },
  rows: [
    ['', 'DisplayName', 'Probe 2.5.1 hotfix'],
    ['', 'ManufacturerName', PROBE.publisher],
  ],
}
const UPDATE = 'Windows10.0-KB5034441-x64'

export const WINDOWS_PACKAGES: Sample[] = [
  { truth: { ...msi, file: 'machine.msi', arch: 'x64', scope: 'machine' }, bytes: () => MSI },
  {
    truth: {
      ...msi,
      file: 'per-user.msi',
      arch: 'x86',
      scope: 'user',
      silent: { args: '/qn /norestart ALLUSERS=1', works: true },
    },
    bytes: () => makeMsiBytes({ properties: PROPERTIES, template: 'Intel;1033' }),
  },
  {
    truth: { ...msi, file: 'needs-key.msi', arch: 'x64', silent: { ...silent, works: false } },
    bytes: () => makeMsiBytes({ properties: PROPERTIES, template: 'x64;1033', tables: TABLES }),
  },
  {
    truth: { ...msi, file: 'arm64.msi', arch: 'arm64', name: 'Probe arm64' },
    bytes: () =>
      makeMsiBytes({
        properties: { ...PROPERTIES, ProductName: 'Probe arm64', ALLUSERS: '1' },
        template: 'x64;1033',
      }),
  },
  {
    truth: { file: 'transform.msi', bad: true },
    bytes: () => makeMsiBytes({ properties: PROPERTIES, template: '', classId: MST_CLASS }),
  },
  {
    truth: {
      file: 'patch.msp',
      tech: 'msp',
      name: 'Probe 2.5.1 hotfix',
      publisher: PROBE.publisher,
      silent,
      rule: null,
    },
    bytes: () =>
      makeMsiBytes({ properties: {}, template: '', tables: [PATCH], classId: MSP_CLASS }),
  },
  {
    truth: { file: 'no-tables.msi', bad: true },
    bytes: () => {
      const bytes = Buffer.from(MSI)
      const at = bytes.indexOf(Buffer.from(packName('_StringPool'), 'utf16le'))
      bytes.fill(0x41, at, at + 8)
      return bytes
    },
  },
  {
    truth: {
      ...PROBE,
      file: 'package.msix',
      version: '2.5.0.0',
      tech: 'msix',
      arch: 'x64',
      silent: provisioned,
      rule: appx,
    },
    bytes: () => makeZipOf({ 'Probe.exe': 'x', 'AppxManifest.xml': APPX_MANIFEST }),
  },
  {
    truth: {
      file: 'bundle.appxbundle',
      publisher: PROBE.publisher,
      version: '2.5.0.0',
      tech: 'msix',
      arch: 'any',
      silent: provisioned,
      rule: appx,
    },
    bytes: () => makeZipOf({ 'AppxMetadata/AppxBundleManifest.xml': BUNDLE, 'a.msix': 'x' }),
  },
  {
    truth: {
      ...PROBE,
      file: 'signed.msix',
      version: '2.5.0.0',
      tech: 'msix',
      arch: 'x64',
      rule: appx,
      signer: `CN=${PROBE.publisher}`,
    },
    bytes: () =>
      makeMsix(
        { 'Probe.exe': Buffer.alloc(70_000, 'x'), 'AppxManifest.xml': APPX_MANIFEST },
        PROBE.publisher,
      ),
  },
  {
    truth: {
      file: 'update.msu',
      tech: 'msu',
      name: 'Windows10.0 KB5034441',
      arch: 'x64',
      silent: { args: '/quiet /norestart', works: true },
      rule: null,
    },
    bytes: () =>
      makeCabinet({
        'WSUSSCAN.cab': Buffer.from('MSCF'),
        [`${UPDATE}.cab`]: Buffer.from('MSCF'),
        [`${UPDATE}.xml`]: Buffer.from('<unattend/>'),
      }),
  },
]
