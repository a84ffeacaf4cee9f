/** What is read from packages of Windows Installer, built here byte by byte. */
import { createHash } from 'node:crypto'
import { afterAll, describe, expect, it } from 'vitest'
import { makeSignature, spcDigest } from '../../test-kit/signatures.ts'
import { openInspector } from '../../test-kit/inspector.ts'
import {
  makeCompound,
  makeMsiBytes,
  msiStreams,
  MSI_CLASS,
  MSP_CLASS,
  packName,
  type MsiTable,
} from '../../test-kit/windows-packages.ts'

const inspector = openInspector()
afterAll(() => inspector.close())

const PROPERTIES = {
  ProductName: 'Probe',
  ProductVersion: '3.0.21',
  Manufacturer: 'Ann Onym',
  ProductCode: '{11111111-2222-3333-4444-555555555555}',
  UpgradeCode: '{66666666-2222-3333-4444-555555555555}',
  ALLUSERS: '1',
}
type Options = Partial<Parameters<typeof makeMsiBytes>[0]>
const msi = (options: Options = {}): Buffer =>
  makeMsiBytes({ properties: PROPERTIES, template: 'x64;1033', ...options })
const look = (options: Options = {}) => inspector.look('a.msi', msi(options))
/** The warnings of a package. */
const warnings = async (options: Options) => (await look(options)).knowledge!.warnings

const conditions = (...rows: [condition: string, message: string][]): MsiTable => ({
  name: 'LaunchCondition',
  columns: { Condition: 's', Description: 's' },
  rows,
})
const actions = (...rows: [action: string, type: number, source: string, target: string][]) => ({
  name: 'CustomAction',
  columns: { Action: 's', Type: 'i', Source: 's', Target: 's' } as const,
  rows,
})
const sequence = (...rows: [action: string, condition: string, at: number][]) => ({
  name: 'InstallExecuteSequence',
  columns: { Action: 's', Condition: 's', Sequence: 'i' } as const,
  rows,
})
const table = (name: string, column: string, ...values: string[]): MsiTable => ({
  name,
  columns: { [column]: 's' },
  rows: values.map((value) => [value]),
})

describe('an .msi package', () => {
  it('yields how it installs, how it is removed, and what its versions have in common', async () => {
    const { facts, ...knowledge } = (await look()).knowledge!
    expect(knowledge).toEqual({
      technology: 'msi',
      is_installer: true,
      complete: true,
      scope: 'machine',
      signer: { name: '', state: 'unsigned' },
      warnings: [],
    })
    expect(
      Object.fromEntries(Object.entries(facts).map(([key, fact]) => [key, fact.value])),
    ).toEqual({
      name: 'Probe',
      version: '3.0.21',
      publisher: 'Ann Onym',
      arch: 'x64',
      install_args: '/qn /norestart',
      uninstall: 'msiexec /x {11111111-2222-3333-4444-555555555555} /qn /norestart',
      success_exit_codes: [0, 1641, 3010],
      detection: {
        type: 'msi_product',
        product_code: PROPERTIES.ProductCode,
        version: '3.0.21',
        operator: 'ge',
      },
      upgrade_of: {
        type: 'upgrade_code',
        upgrade_code: PROPERTIES.UpgradeCode,
        version: '3.0.21',
        operator: 'ge',
      },
    })
  })

  it.each([
    ['x64;1033', 'Probe', 0x100, 'x64', 'read'],
    ['x64;1033', 'Probe', 0, 'x64', 'usual'],
    ['x64;1033', 'Probe (ARM64)', 0x100, 'arm64', 'guess'],
    ['Intel;1033', 'Probe', 0, 'any', 'read'],
    ['Arm64;1033', 'Probe', 0x100, 'arm64', 'read'],
  ])(
    'for %s, called %s, with components of %i is for %4$s',
    async (template, name, bits, value, level) => {
      const components: MsiTable = {
        name: 'Component',
        columns: { Component: 's', Attributes: 'i' },
        rows: [['main', bits]],
      }
      const properties = { ...PROPERTIES, ProductName: name }
      const { arch, knowledge } = await look({ template, properties, tables: [components] })
      expect(arch).toBe(value)
      expect(knowledge!.facts.arch).toMatchObject({ value, level })
    },
  )

  it('of Chrome has the version that its comments name', async () => {
    const properties = { ...PROPERTIES, ProductName: 'Google Chrome', ProductVersion: '70.1.2' }
    const found = await look({ properties, comments: '138.0.7204.50 Copyright Google' })
    expect(found.version).toBe('138.0.7204.50')
    expect(found.detection).toMatchObject({ version: '70.1.2' })
  })

  it.each(['7', '1.1.1w', '1.2.3.4.5'])('keeps the version %s in its rule', async (version) => {
    const found = await look({ properties: { ...PROPERTIES, ProductVersion: version } })
    expect(found.detection).toMatchObject({ type: 'msi_product', version, operator: 'ge' })
  })

  describe('with launch conditions', () => {
    it('warns about a property without which they fail', async () => {
      const tables = [conditions(['LICENSEKEY OR Installed', 'A key is needed.'])]
      expect(await warnings({ tables })).toEqual([
        {
          code: 'needs_property',
          text: expect.stringMatching(/LICENSEKEY.*1603.*A key is needed/) as string,
        },
      ])
    })

    it.each<[string, MsiTable[]]>([
      ['that the PC decides', [conditions(['VersionNT >= 603 OR Installed', ''])]],
      ['that hold', [conditions(['Installed OR ALLUSERS = 1', ''])]],
      [
        'on a property that a search sets',
        [conditions(['NETFX', '']), table('AppSearch', 'Property', 'NETFX')],
      ],
      [
        'on a property that an upgrade sets',
        [conditions(['NOT OLDER', '']), table('Upgrade', 'ActionProperty', 'OLDER')],
      ],
      [
        'on a property that an action sets before',
        [
          conditions(['READY', '']),
          actions(['SetReady', 51, 'READY', '1']),
          sequence(['SetReady', '', 50], ['LaunchConditions', '', 100]),
        ],
      ],
      [
        'after code that may set anything',
        [
          conditions(['READY', '']),
          actions(['Code', 1, 'a.dll', 'f']),
          sequence(['Code', '', 50], ['LaunchConditions', '', 100]),
        ],
      ],
    ])('%s gives no warning', async (_what, tables) => {
      expect(await warnings({ tables })).toEqual([])
    })

    it('warns when the property is set only after they were checked', async () => {
      const tables = [
        conditions(['READY', '']),
        actions(['SetReady', 51, 'READY', '1']),
        sequence(['SetReady', '', 150], ['LaunchConditions', '', 100]),
      ]
      expect(await warnings({ tables })).toMatchObject([{ code: 'needs_property' }])
    })
  })

  it.each<[string, number, string[], RegExp | null]>([
    ['in a cabinet beside it', 2, ['data.cab'], /data\.cab in the same folder/],
    ['unpacked beside it', 0, [''], /whole folder/],
    ['in a cabinet within it', 2, ['#data.cab'], null],
  ])('whose files are %s', async (_what, wordCount, cabinets, text) => {
    const tables = [table('File', 'File', 'a'), table('Media', 'Cabinet', ...cabinets)]
    const found = await warnings({ wordCount, tables })
    expect(found).toEqual(
      text ? [{ code: 'needs_files', text: expect.stringMatching(text) as string }] : [],
    )
  })

  it('that sets ALLUSERS itself installs for the PC', async () => {
    const properties = { ...PROPERTIES, ALLUSERS: '' }
    const set = actions(['All', 51, 'ALLUSERS', '1'])
    const always = await look({ properties, tables: [set, sequence(['All', '', 10])] })
    expect(always.knowledge).toMatchObject({ scope: 'machine', warnings: [] })
    const maybe = await look({ properties, tables: [set, sequence(['All', 'Privileged', 10])] })
    expect(maybe.knowledge).toMatchObject({ scope: 'either', warnings: [{ code: 'per_user' }] })
  })

  it('is not confused by a transform within it', async () => {
    const streams = ['_StringPool', '_StringData', 'Property'].map((name) => ({
      name: packName(name),
      bytes: Buffer.alloc(700, 7),
    }))
    expect(await look({ storage: { name: 'German', streams } })).toMatchObject({ name: 'Probe' })
  })

  describe('with a signature', () => {
    /** The streams of the package in the order of their names, then the class of its root. */
    const contentOf = (streams: { name: string; bytes: Buffer }[]): Buffer =>
      Buffer.concat([
        ...[...streams]
          .sort((a, b) => Buffer.from(a.name, 'utf16le').compare(Buffer.from(b.name, 'utf16le')))
          .map(({ bytes }) => bytes),
        Buffer.from(MSI_CLASS, 'hex'),
      ])
    const made = msiStreams({ properties: PROPERTIES, template: 'x64;1033' })
    const digest = createHash('sha256').update(contentOf(made)).digest()
    const signed = (bytes: Buffer) =>
      inspector.look('a.msi', makeCompound([...made, { name: '\u0005DigitalSignature', bytes }]))

    it('names its signer', async () => {
      const { knowledge } = await signed(await makeSignature('Ann Onym Ltd', spcDigest(digest)))
      expect(knowledge!.signer).toEqual({ name: 'Ann Onym Ltd', state: 'valid_digest' })
      expect(knowledge!.warnings).toEqual([])
    })

    it('warns when it was changed since', async () => {
      const other = Buffer.from(digest).fill(0, 0, 4)
      const { knowledge } = await signed(await makeSignature('Ann Onym Ltd', spcDigest(other)))
      expect(knowledge!.signer).toEqual({ name: 'Ann Onym Ltd', state: 'tampered' })
      expect(knowledge!.warnings).toMatchObject([{ code: 'tampered' }])
    })

    it('warns when the digest in it was changed', async () => {
      const other = Buffer.from(digest).fill(0, 0, 4)
      const bytes = await makeSignature('Ann Onym Ltd', spcDigest(other))
      const at = bytes.indexOf(other)
      digest.copy(bytes, at)
      expect((await signed(bytes)).knowledge!.signer).toMatchObject({ state: 'tampered' })
    })

    it('that is damaged is reported as unchecked', async () => {
      const bytes = await makeSignature('Ann Onym Ltd', spcDigest(digest))
      for (const cut of [0, 1, 40, 300, bytes.length - 1])
        expect((await signed(bytes.subarray(0, cut))).knowledge!.signer).toEqual({
          name: '',
          state: 'unchecked',
        })
    })
  })

  it('is refused when it is a patch', async () => {
    await expect(look({ classId: MSP_CLASS })).rejects.toThrow('it is a patch (.msp)')
  })
})
