/** Windows installers, built here byte by byte: what is read from them, and that damaged ones are refused safely. */
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { AppError } from '#shared/contract/errors.ts'
import { makeMsiBytes, makeProgram } from '../../test-kit/windows-packages.ts'
import { openInspector } from '../../test-kit/inspector.ts'
import { decodeStreamName } from './readers/msi/strings.ts'

const inspector = openInspector()
const { look } = inspector
afterAll(() => inspector.close())

const PROPERTIES = {
  ProductName: 'Übung für Zwei',
  ProductVersion: '3.0.21',
  Manufacturer: 'Ann Onym',
  ProductCode: '{11111111-2222-3333-4444-555555555555}',
}

describe('an .msi package', () => {
  it('yields its product, in the code page that it names, and a detection rule', async () => {
    expect(
      await look('a.msi', makeMsiBytes({ properties: PROPERTIES, template: 'x64;1031' })),
    ).toEqual({
      name: 'Übung für Zwei',
      version: '3.0.21',
      publisher: 'Ann Onym',
      platform: 'windows',
      arch: 'x64',
      archWord: 'x64',
      knowledge: expect.objectContaining({ scope: 'user' }) as object,
      detection: {
        type: 'msi_product',
        product_code: PROPERTIES.ProductCode,
        version: '3.0.21',
        operator: 'ge',
      },
    })
  })

  it.each([
    ['Intel;1033', 'any'],
    ['Arm64;1033', 'arm64'],
    ['Intel64;1033', null],
    ['', 'any'],
  ])('made for %j is for %s', async (template, arch) => {
    expect(await look('a.msi', makeMsiBytes({ properties: PROPERTIES, template }))).toMatchObject({
      arch,
    })
  })

  it.each([
    [{ ALLUSERS: '1' }, 2, 'machine'],
    [{ ALLUSERS: '2' }, 2, 'machine'],
    [{ ALLUSERS: '2', MSIINSTALLPERUSER: '1' }, 2, 'either'],
    [{ ALLUSERS: '2' }, 10, 'either'],
    [{}, 2, 'user'],
    [{}, 10, 'user'],
    [{ ALLUSERS: '' }, 2, 'user'],
  ])('with %j and word count %i is for %s', async (more, wordCount, scope) => {
    const properties = { ...PROPERTIES, ...more }
    const { knowledge } = await look('a.msi', makeMsiBytes({ properties, template: '', wordCount }))
    if (scope === 'machine') {
      expect(knowledge).toMatchObject({ technology: 'msi', scope, facts: {}, warnings: [] })
      return
    }
    expect(knowledge).toMatchObject({
      scope,
      facts: { install_args: { value: '/qn /norestart ALLUSERS=1', level: 'usual' } },
      warnings: [{ code: 'per_user', text: expect.stringContaining('ALLUSERS=1') as string }],
    })
  })

  it('with three-byte references and a string of more than 64 KiB is also read', async () => {
    const properties = { ALong: 'x'.repeat(70_000), ...PROPERTIES }
    const bytes = makeMsiBytes({ properties, template: 'x64;1033', wide: true })
    expect(await look('a.msi', bytes)).toMatchObject({ name: 'Übung für Zwei', version: '3.0.21' })
  })

  it.each([
    ['without a product code', { ...PROPERTIES, ProductCode: 'none' }],
    ['without a name', { ...PROPERTIES, ProductName: '' }],
  ])('%s is refused', async (_what, properties) => {
    const made = look('a.msi', makeMsiBytes({ properties, template: '' }))
    await expect(made).rejects.toThrow('names no product')
  })

  it('is refused when it is truncated, and read or refused wherever it is damaged', async () => {
    const whole = makeMsiBytes({ properties: PROPERTIES, template: 'x64;1033' })
    for (let cut = 1; cut < whole.length - 512; cut += 97)
      await expect(look('a.msi', whole.subarray(0, cut)), `cut at ${cut}`).rejects.toThrow(AppError)
    const damage = fc.array(fc.tuple(fc.nat({ max: whole.length - 1 }), fc.nat({ max: 255 })), {
      minLength: 1,
      maxLength: 8,
    })
    await fc.assert(
      fc.asyncProperty(damage, async (changes) => {
        const bytes = Buffer.from(whole)
        for (const [at, value] of changes) bytes[at] = value
        await look('a.msi', bytes).catch((error: unknown) => expect(error).toBeInstanceOf(AppError))
      }),
      { numRuns: 300 },
    )
  })

  it('whose sector table contains a cycle is refused', async () => {
    const bytes = makeMsiBytes({ properties: PROPERTIES, template: 'x64;1033' })
    // The directory's first sector follows itself.
    const directory = bytes.readUInt32LE(48)
    bytes.writeUInt32LE(directory, 512 + 4 * directory)
    await expect(look('a.msi', bytes)).rejects.toThrow('directory is damaged')
  })

  it('has streams with packed names', () => {
    expect(decodeStreamName('\u4840\u3f3f\u4577\u446c\u3b6a\u45e4\u4824')).toBe('!_StringData')
  })
})

describe('a Windows program', () => {
  const strings = { ProductName: 'Probe', ProductVersion: '2.5.0', CompanyName: 'Ann Onym' }

  it('yields name, version, publisher and architecture from its version resource', async () => {
    expect(await look('a.exe', makeProgram({ strings, machine: 0x8664 }))).toEqual({
      name: 'Probe',
      version: '2.5.0',
      publisher: 'Ann Onym',
      platform: 'windows',
      arch: 'x64',
      archWord: '',
      detection: null,
      technology: null,
      knowledge: expect.objectContaining({
        technology: 'none',
        is_installer: false,
        signer: { name: '', state: 'unsigned' },
      }) as object,
    })
  })

  it('is named after its file when it says nothing', async () => {
    expect(await look('Set up.exe', makeProgram({ strings: {} }))).toMatchObject({
      name: 'Set up',
      version: '1.2.3.4',
      arch: 'any',
    })
  })

  it('is not named after the tool that packed it', async () => {
    const overlay = Buffer.alloc(40, 'x')
    const stubs: Record<string, string>[] = [
      { ProductName: 'InstallShield (R)', CompanyName: 'Macrovision Corporation' },
      { ProductName: 'Squirrel-based application' },
      { ProductName: '7-Zip', OriginalFilename: '7z.sfx.exe' },
      { ProductName: 'Internet Explorer', OriginalFilename: 'WEXTRACT.EXE' },
    ]
    for (const stub of stubs)
      expect(await look('Set up.exe', makeProgram({ strings: stub, overlay }))).toMatchObject({
        name: 'Set up',
        version: '',
        publisher: '',
      })
    const own = { ProductName: '7-Zip', OriginalFilename: '7za.exe' }
    expect(await look('a.exe', makeProgram({ strings: own }))).toMatchObject({ name: '7-Zip' })
  })

  it('of Windows itself is named by its description', async () => {
    const windows = {
      ProductName: 'Microsoft® Windows® Operating System',
      FileDescription: 'Paint',
    }
    expect(await look('a.exe', makeProgram({ strings: windows }))).toMatchObject({ name: 'Paint' })
  })

  it('that is compressed is marked, because most of it cannot be read', async () => {
    const { knowledge } = await look('a.exe', makeProgram({ strings, sectionName: 'UPX0' }))
    expect(knowledge).toMatchObject({ technology: null, warnings: [{ code: 'packed' }] })
  })

  it.each([
    'Inno Setup Setup Data (6.2.0)',
    'NullsoftInst',
    'SquirrelTemp',
    ';!@Install@!UTF-8!',
    'ISSetupStream',
  ])('with the text %s in it is no installer', async (text) => {
    const overlay = Buffer.concat([
      Buffer.alloc(700),
      Buffer.from(text),
      Buffer.from(text, 'utf16le'),
    ])
    const { knowledge } = await look('a.exe', makeProgram({ strings, overlay }))
    expect(knowledge).toMatchObject({ technology: 'none', is_installer: false })
  })

  it('is read or refused wherever it is damaged', async () => {
    const whole = makeProgram({ strings })
    const damage = fc.array(
      fc.tuple(fc.integer({ min: 2, max: whole.length - 1 }), fc.nat({ max: 255 })),
      { minLength: 1, maxLength: 8 },
    )
    await fc.assert(
      fc.asyncProperty(damage, async (changes) => {
        const bytes = Buffer.from(whole)
        for (const [at, value] of changes) bytes[at] = value
        const facts = await look('a.exe', bytes).catch((error: unknown) => {
          expect(error).toMatchObject({ code: 'E_PACKAGE_UNREADABLE' })
          return null
        })
        if (facts === null) return
        expect(facts.platform).toBe('windows')
        expect(facts.name.length).toBeLessThanOrEqual(200)
      }),
      { numRuns: 300 },
    )
  })

  const dos = Buffer.alloc(512)
  dos.write('MZ')
  const noSections = makeProgram({ strings })
  noSections.writeUInt16LE(0, 0x86)
  it.each<[string, Buffer]>([
    ['noise after MZ', Buffer.concat([Buffer.from('MZ'), Buffer.alloc(4_000, 'noise')])],
    ['two bytes', Buffer.from('MZ')],
    ['a DOS program', dos],
    ['a header that points past the end', makeProgram({ strings }).subarray(0, 0x82)],
    ['a program without sections', noSections],
  ])('is refused when it is %s', async (_name, bytes) => {
    await expect(look('Setup.exe', bytes)).rejects.toMatchObject({
      code: 'E_PACKAGE_UNREADABLE',
      message: expect.stringContaining('begins like a Windows program') as string,
    })
  })

  it('is refused when it is truncated within its sections or its signature', async () => {
    const whole = makeProgram({ strings, overlay: Buffer.alloc(600, 'payload') })
    const signed = Buffer.from(whole)
    signed.writeUInt32LE(16, 0x80 + 24 + 108)
    signed.writeUInt32LE(whole.length - 200, 0x80 + 24 + 112 + 32)
    signed.writeUInt32LE(200, 0x80 + 24 + 112 + 36)
    expect(await look('a.exe', signed)).toMatchObject({ name: 'Probe' })
    for (const bytes of [whole.subarray(0, 1_200), signed.subarray(0, whole.length - 1)])
      await expect(look('a.exe', bytes)).rejects.toThrow('it is cut off')
  })
})
