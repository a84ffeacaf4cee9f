/** Installers that wrap a package or an archive, built here. */
import { deflateRawSync } from 'node:zlib'
import { afterAll, describe, expect, it } from 'vitest'
import { openInspector } from '../../test-kit/inspector.ts'
import { makeMsiBytes, makeProgram } from '../../test-kit/windows-packages.ts'

const inspector = openInspector()
afterAll(() => inspector.close())

type Options = Omit<Parameters<typeof makeProgram>[0], 'strings'> & { strings?: Record<string, string> } // prettier-ignore
const knowledge = async (options: Options) =>
  (await inspector.look('setup.exe', makeProgram({ strings: {}, ...options }))).knowledge!

const CODE = '{11111111-2222-3333-4444-555555555555}'
const MSI = makeMsiBytes({
  properties: { ProductName: 'Probe', ProductVersion: '2.5.0', Manufacturer: 'Ann Onym', ProductCode: CODE, ALLUSERS: '1' }, // prettier-ignore
  template: 'x64;1033',
})
const INNER = {
  name: { value: 'Probe', level: 'read' },
  version: { value: '2.5.0' },
  publisher: { value: 'Ann Onym' },
  arch: { value: 'x64' },
  detection: { value: { type: 'msi_product', product_code: CODE } },
}
const u32 = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [i, value] of values.entries()) bytes.writeUInt32LE(value, 4 * i)
  return bytes
}

describe('a Windows Installer package inside a program', () => {
  it('of jpackage is what is installed', async () => {
    expect(await knowledge({ resources: [{ type: 10, name: 'MSI', bytes: MSI }] })).toMatchObject({
      technology: 'jpackage',
      facts: { ...INNER, install_args: { value: '/qn /norestart' } },
    })
  })

  it('of Advanced Installer is what is installed', async () => {
    const at = makeProgram({ strings: {} }).length
    const inverted = Buffer.from(MSI)
    for (let i = 0; i < 0x200; i++) inverted[i]! ^= 0xff
    const table = u32(1, 0, 2, MSI.length, at, 0)
    const footerAt = at + inverted.length + table.length
    const footer = Buffer.concat([
      u32(0, footerAt, 1, 100, 0, at + inverted.length, at),
      Buffer.alloc(36, '0'),
      Buffer.from('ADVINSTSFX'),
    ])
    const overlay = Buffer.concat([inverted, table, footer])
    expect(await knowledge({ overlay })).toMatchObject({
      technology: 'advanced',
      facts: { ...INNER, install_args: { value: '/exenoui /quiet /norestart' } },
    })
    const moved = Buffer.concat([Buffer.alloc(8), overlay])
    expect((await knowledge({ overlay: moved })).technology).toBe('none')
  })

  it('of InstallShield passes its arguments on', async () => {
    const list = (name: string): Buffer => {
      const head = Buffer.alloc(46)
      head.write('InstallShield\0', 'latin1')
      head.writeUInt16LE(1, 14)
      const entry = Buffer.alloc(312)
      entry.write(name, 'latin1')
      return Buffer.concat([head, entry])
    }
    const withPackage = await knowledge({ overlay: list('probe.msi') })
    expect(withPackage).toMatchObject({
      technology: 'installshield',
      facts: { install_args: { value: '/s /v"/qn /norestart"' } },
    })
    const script = await knowledge({ overlay: list('setup.inx') })
    expect(script.facts.install_args).toBeUndefined()
    expect(script.warnings.map(({ code }) => code)).toEqual(['needs_files', 'may_wait'])
  })
})

/** A zip archive with these files, deflated. */
function zip(files: Record<string, Buffer>): Buffer {
  const pieces: Buffer[] = []
  const directory: Buffer[] = []
  let at = 0
  for (const [name, bytes] of Object.entries(files)) {
    const packed = deflateRawSync(bytes)
    const local = Buffer.alloc(30)
    local.writeUInt32LE(0x04034b50)
    local.writeUInt16LE(8, 8)
    local.writeUInt16LE(name.length, 26)
    const head = Buffer.alloc(46)
    head.writeUInt32LE(0x02014b50)
    head.writeUInt16LE(8, 10)
    head.writeUInt32LE(packed.length, 20)
    head.writeUInt32LE(bytes.length, 24)
    head.writeUInt16LE(name.length, 28)
    head.writeUInt32LE(at, 42)
    directory.push(head, Buffer.from(name))
    pieces.push(local, Buffer.from(name), packed)
    at += 30 + name.length + packed.length
  }
  const listed = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50)
  end.writeUInt32LE(listed.length, 12)
  end.writeUInt32LE(at, 16)
  return Buffer.concat([...pieces, listed, end])
}

describe('Squirrel and Velopack', () => {
  const nuspec = Buffer.from(
    '<package><metadata><id>Probe</id><title>Probe Chat</title><version>2.5.0</version><authors>Ann Onym</authors></metadata></package>',
  )
  const nupkg = zip({
    'Probe.nuspec': nuspec,
    'lib/net45/Probe.exe': makeProgram({ strings: {}, machine: 0x8664 }),
    'lib/net45/squirrel.exe': makeProgram({ strings: {} }),
  })
  const facts = {
    name: { value: 'Probe Chat' },
    version: { value: '2.5.0' },
    publisher: { value: 'Ann Onym' },
    arch: { value: 'x64' },
    install_args: { value: '--silent' },
    detection: { value: { type: 'uninstall_key', key: 'Probe', hive: 'user' } },
  }
  it('install for one user what their description names', async () => {
    const bytes = zip({ RELEASES: Buffer.from('x'), 'Probe-2.5.0-full.nupkg': nupkg })
    const found = await knowledge({ resources: [{ type: 'DATA', name: 131, bytes }] })
    expect(found).toMatchObject({ technology: 'squirrel', scope: 'user', warnings: [{ code: 'per_user' }], facts }) // prettier-ignore
    expect(await knowledge({ overlay: nupkg })).toMatchObject({ technology: 'velopack', facts })
  })
  it('without a package are no installers', async () => {
    const resources = [{ type: 'DATA', name: 131, bytes: Buffer.alloc(0) }]
    expect((await knowledge({ resources })).technology).toBe('none')
  })
})

describe('a WiX bundle', () => {
  const manifest = `<BurnManifest Win64="yes"><Registration Id="${CODE}" ExecutableName="probe setup.exe" PerMachine="yes"><Arp Register="yes" DisplayName="Probe" DisplayVersion="2.5.0" Publisher="Ann Onym"/></Registration></BurnManifest>`
  function overlay(): { section: Buffer; cabinet: Buffer } {
    const bytes = Buffer.from(manifest)
    const packed = Buffer.concat([Buffer.from('CK'), deflateRawSync(bytes)])
    const header = Buffer.alloc(36)
    header.write('MSCF')
    header.writeUInt32LE(44, 16)
    const folder = Buffer.alloc(8)
    folder.writeUInt32LE(62, 0)
    folder.writeUInt16LE(1, 4)
    folder.writeUInt16LE(1, 6)
    const file = Buffer.alloc(18)
    file.writeUInt32LE(bytes.length, 0)
    const data = Buffer.alloc(8)
    data.writeUInt16LE(packed.length, 4)
    data.writeUInt16LE(bytes.length, 6)
    const section = Buffer.alloc(48)
    section.writeUInt32LE(0x00f14300)
    return { section, cabinet: Buffer.concat([header, folder, file, data, packed]) }
  }
  it('names its product and key in its manifest', async () => {
    const { section, cabinet } = overlay()
    const bytes = makeProgram({ strings: {}, sectionName: '.wixburn', overlay: Buffer.concat([section, cabinet]) }) // prettier-ignore
    // The test program has one section, so the data of the bundle are put behind it and the section is moved there.
    const at = bytes.length - section.length - cabinet.length
    bytes.writeUInt32LE(at + section.length, at + 24)
    bytes.writeUInt32LE(at, 0x80 + 24 + 240 + 20)
    bytes.writeUInt32LE(section.length, 0x80 + 24 + 240 + 16)
    bytes.writeUInt32LE(section.length, 0x80 + 24 + 240 + 8)
    expect((await inspector.look('setup.exe', bytes)).knowledge).toMatchObject({
      technology: 'burn',
      scope: 'machine',
      facts: {
        name: { value: 'Probe' },
        version: { value: '2.5.0' },
        publisher: { value: 'Ann Onym' },
        arch: { value: 'x64' },
        install_args: { value: '/quiet /norestart' },
        success_exit_codes: { value: [0, 1641, 3010], level: 'usual' },
        uninstall: {
          value: `"%ProgramData%\\Package Cache\\${CODE}\\probe setup.exe" /uninstall /quiet /norestart`,
        },
        detection: { value: { type: 'uninstall_key', key: CODE, hive: 'machine' } },
      },
    })
  })
})

describe('a self-extracting archive', () => {
  it('of 7-Zip installs something only if it says what to run', async () => {
    const documents = Buffer.from('377abcaf271c0004', 'hex')
    expect(await knowledge({ overlay: documents })).toMatchObject({ technology: 'sevenzip', is_installer: false }) // prettier-ignore
    const setup = Buffer.from('\ufeff;!@Install@!UTF-8!\nTitle="Probe"\nRunProgram="a.exe"\n;!@InstallEnd@!') // prettier-ignore
    expect(await knowledge({ overlay: setup })).toMatchObject({
      technology: 'sevenzip',
      is_installer: true,
      facts: { name: { value: 'Probe' }, install_args: { value: '-y' } },
    })
  })
  it('of WinRAR may wait, by what it runs', async () => {
    const found = await knowledge({ overlay: Buffer.from('526172211a0700', 'hex') })
    expect(found).toMatchObject({ technology: 'rar', warnings: [{ code: 'may_wait' }] })
  })
  it('of IExpress is named by its title', async () => {
    const resources = [
      { type: 10, name: 'CABINET', bytes: Buffer.from('MSCF') },
      { type: 10, name: 'RUNPROGRAM', bytes: Buffer.from('a.exe\0') },
      { type: 10, name: 'TITLE', bytes: Buffer.from('Probe\0') },
    ]
    expect(await knowledge({ resources })).toMatchObject({
      technology: 'iexpress',
      facts: { name: { value: 'Probe' }, install_args: { value: '/Q' } },
    })
  })
})
