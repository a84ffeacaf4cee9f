/** MSIX packages, updates of Windows and patches, built here: what is read from them. */
import { unzipSync } from 'fflate'
import { afterAll, describe, expect, it } from 'vitest'
import { openInspector } from '../../test-kit/inspector.ts'
import { makeBlockMap, makeMsix } from '../../test-kit/msix.ts'
import { makeSignature, spcDigest } from '../../test-kit/signatures.ts'
import { makeMsiBytes, MSP_CLASS } from '../../test-kit/windows-packages.ts'
import { makeZipOf } from '../../test-kit/zip-files.ts'
import { packageFamilyName } from './readers/msix.ts'

const inspector = openInspector()
afterAll(() => inspector.close())
const { look } = inspector

const PUBLISHER = 'CN=Microsoft Corporation, O=Microsoft Corporation, L=Redmond, S=Washington, C=US'
const manifest = (arch = 'x64', displayName = 'Probe'): string =>
  `\ufeff<?xml version="1.0"?><Package><Identity Name="Contoso.Probe" Publisher="${PUBLISHER}" Version="1.4.0.0" ProcessorArchitecture="${arch}"/><Properties><DisplayName>${displayName}</DisplayName><PublisherDisplayName>Contoso</PublisherDisplayName></Properties></Package>`
const msix = (text = manifest(), more: Record<string, Buffer> = {}): Buffer =>
  makeZipOf({ 'Probe.exe': 'x', 'AppxManifest.xml': text, ...more })

describe('an MSIX package', () => {
  it('has a family name from its name and publisher', () => {
    expect(packageFamilyName('Microsoft.WindowsTerminal', PUBLISHER)).toBe(
      'Microsoft.WindowsTerminal_8wekyb3d8bbwe',
    )
  })

  it('yields its identity from its manifest', async () => {
    const found = await look('a.msix', msix())
    expect(found).toMatchObject({
      name: 'Probe',
      version: '1.4.0.0',
      publisher: 'Contoso',
      arch: 'x64',
      // No agent evaluates such a rule.
      detection: null,
    })
    expect(found.knowledge).toMatchObject({
      technology: 'msix',
      signer: { name: '', state: 'unsigned' },
      facts: {
        detection: {
          value: { type: 'msix', name: 'Contoso.Probe_8wekyb3d8bbwe', version: '1.4.0.0' },
        },
      },
    })
  })

  it.each([
    ['neutral', 'any'],
    ['x86', 'any'],
    ['arm64', 'arm64'],
  ])('for %s is for %s', async (word, arch) => {
    expect(await look('a.appx', msix(manifest(word)))).toMatchObject({ arch })
  })

  it('whose name is a resource is called by its identity', async () => {
    const { knowledge } = await look('a.msix', msix(manifest('x64', 'ms-resource:Name')))
    expect(knowledge!.facts.name).toMatchObject({ value: 'Contoso.Probe', level: 'guess' })
  })

  it('names its signer', async () => {
    const bytes = await makeSignature('Ann Onym Ltd', spcDigest(Buffer.alloc(32)))
    const signature = Buffer.concat([Buffer.from('PKCX'), bytes])
    const { knowledge } = await look('a.msix', msix(manifest(), { 'AppxSignature.p7x': signature }))
    expect(knowledge!.signer).toEqual({ name: 'Ann Onym Ltd', state: 'unchecked' })
  })

  it('is compared with its block map, and that with its signature', async () => {
    const files = {
      'AppxManifest.xml': manifest(),
      'VFS/A%20b.exe': Buffer.alloc(200_000, 'block'),
      'empty.txt': '',
    }
    const state = async (bytes: Buffer) => {
      const { complete, signer, warnings } = (await look('a.msix', bytes)).knowledge!
      return [complete, signer!.state, ...warnings.map(({ code }) => code)]
    }
    expect(await state(await makeMsix(files))).toEqual([true, 'unsigned'])
    expect(await state(await makeMsix(files, 'Ann Onym Ltd'))).toEqual([true, 'valid_digest'])
    const map = makeBlockMap(files)
    for (const changed of [
      { ...files, 'VFS/A%20b.exe': Buffer.alloc(200_000, 'bloc!') },
      { ...files, 'VFS/A%20b.exe': Buffer.alloc(190_000, 'block') },
      { ...files, 'added.dll': 'x' },
      { 'AppxManifest.xml': manifest() },
    ])
      expect(await state(makeZipOf({ ...changed, 'AppxBlockMap.xml': map }))).toEqual([
        false,
        'unsigned',
        'tampered',
      ])
    const signed = await makeMsix(files, 'Ann Onym Ltd')
    const parts = Object.entries(unzipSync(signed)).map(([name, bytes]): [string, Buffer] => [
      name,
      Buffer.from(bytes),
    ])
    const other: Record<string, string | Buffer> = {
      ...Object.fromEntries<string | Buffer>(parts),
      'AppxBlockMap.xml': `${map}<!-- x -->`,
    }
    expect(await state(makeZipOf(other))).toEqual([false, 'tampered', 'tampered'])
  })

  it('in a bundle is for all processors of its packages', async () => {
    const bundle = `<Bundle><Identity Name="Contoso.Probe" Publisher="CN=Contoso" Version="2.0.0.0"/><Packages><Package Type="application" Architecture="x64"/><Package Type="application" Architecture="arm64"/><Package Type="resource"/></Packages></Bundle>`
    const bytes = makeZipOf({ 'AppxMetadata/AppxBundleManifest.xml': bundle, 'a.msix': 'x' })
    expect(await look('a.msixbundle', bytes)).toMatchObject({
      version: '2.0.0.0',
      arch: 'any',
      publisher: 'Contoso',
    })
  })

  it.each([
    ['without a manifest', makeZipOf({ a: 'x' }), /no AppxManifest/],
    ['whose manifest names nothing', msix('<Package/>'), /names no package/],
    ['whose manifest is damaged', msix('<Package'), /XML in it is damaged/],
    ['whose manifest is huge', msix('x'.repeat(5_000_000)), /larger than is read/],
    ['that is cut off', msix().subarray(0, 200), /not a readable zip archive/],
  ])('%s is refused', async (_what, bytes, message) => {
    await expect(look('a.msix', bytes)).rejects.toThrow(message)
  })
})

/** The head of a cabinet with empty files of these names. */
function makeCabinet(names: string[]): Buffer {
  const entries = names.map((name) => Buffer.concat([Buffer.alloc(16), Buffer.from(`${name}\0`)]))
  const header = Buffer.alloc(36)
  header.write('MSCF', 'latin1')
  const whole = Buffer.concat([header, ...entries])
  whole.writeUInt32LE(whole.length, 8)
  whole.writeUInt32LE(header.length, 16)
  whole.writeUInt16LE(names.length, 28)
  return whole
}

describe('an update of Windows', () => {
  const bytes = makeCabinet([
    'WSUSSCAN.cab',
    'Windows10.0-KB5034441-x64.cab',
    'Windows10.0-KB5034441-x64.xml',
  ])
  it('yields its number and processor from the cabinet in it', async () => {
    const found = await look('update.msu', bytes)
    expect(found).toMatchObject({ name: 'Windows10.0 KB5034441', arch: 'x64' })
    expect(found.knowledge!.facts).toMatchObject({
      install_args: { value: '/quiet /norestart' },
      uninstall: { value: 'wusa /uninstall /kb:5034441 /quiet /norestart' },
      success_exit_codes: { value: [0, 3010, 2359302] },
    })
  })
  it('is refused when it is cut off, or another cabinet', async () => {
    await expect(look('a.msu', bytes.subarray(0, -1))).rejects.toThrow('cut off')
    await expect(look('a.msu', makeCabinet(['readme.txt']))).rejects.toThrow('without an update')
  })
})

describe('a patch of Windows Installer', () => {
  const table = {
    name: 'MsiPatchMetadata',
    columns: { Company: 's', Property: 's', Value: 's' } as const,
    rows: [
      ['', 'DisplayName', 'Probe 1.2 hotfix'],
      ['', 'ManufacturerName', 'Ann Onym'],
    ],
  }
  const made = (classId: string) =>
    makeMsiBytes({ properties: {}, template: '', tables: [table], classId })
  it('yields its name and publisher', async () => {
    const found = await look('a.msp', made(MSP_CLASS))
    expect(found).toMatchObject({ name: 'Probe 1.2 hotfix', publisher: 'Ann Onym' })
    expect(found.knowledge).toMatchObject({ technology: 'msp', complete: true })
  })
  it('is refused when it is a package', async () => {
    await expect(look('a.msp', made('84100c0000000000c000000000000046'))).rejects.toThrow(
      'not a patch',
    )
  })
})
