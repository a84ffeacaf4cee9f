/** Sample outputs of Windows 10 and 11 and Wine; run for real only under Wine (build/wine). */
import { describe, expect, it } from 'vitest'
import { parseRegistry } from '../../lib/registry.ts'
import { numberOf, parsePrintedValues } from './registry.ts'
import { serialFromSmbios } from './smbios.ts'
import { parseMountedDevices, parseUninstall, parseWindowsVersion } from './windows.ts'

const UNINSTALL = 'HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall'
const lines = (...text: string[]): string => text.join('\r\n')

describe('the registry', () => {
  it('is read as reg.exe prints it: names with spaces, empty values, values with spaces', () => {
    const text = lines(
      '',
      'HKEY_LOCAL_MACHINE\\HARDWARE\\DESCRIPTION\\System\\BIOS',
      '    SystemManufacturer    REG_SZ    LENOVO',
      '    BIOSVersion    REG_SZ    N2HET63W (1.46 )',
      '    A Name With Blanks    REG_SZ    x    y',
      '    Empty    REG_SZ    ',
      '    BiosMajorRelease    REG_DWORD    0x1',
      '',
      'HKEY_LOCAL_MACHINE\\HARDWARE\\DESCRIPTION\\System\\BIOS\\Sub',
    )
    expect(Object.fromEntries(parsePrintedValues(text))).toEqual({
      systemmanufacturer: 'LENOVO',
      biosversion: 'N2HET63W (1.46 )',
      'a name with blanks': 'x    y',
      empty: '',
      biosmajorrelease: '0x1',
    })
    expect(numberOf('0x1a2b')).toBe(6699)
    expect(numberOf('LENOVO')).toBeNull()
  })
})

describe('installed software', () => {
  it('is the list that Windows shows under Installed apps', () => {
    const text = lines(
      `[${UNINSTALL}\\{23170F69-40C1-2702-2409-000001000000}]`,
      '"DisplayName"="7-Zip 24.09 (x64 edition)"',
      '"DisplayVersion"="24.09.00.0"',
      '"Publisher"="Igor Pavlov"',
      '"InstallDate"="20250131"',
      `[${UNINSTALL}\\VLC media player]`,
      '"DisplayName"="VLC media player"',
      '"DisplayVersion"="3.0.18"',
      '"InstallDate"="31/01/2025"',
      `[${UNINSTALL}\\AddressBook]`,
      `[${UNINSTALL}\\{Part}]`,
      '"DisplayName"="Part of something"',
      '"SystemComponent"=dword:00000001',
      `[${UNINSTALL}\\KB5001]`,
      '"DisplayName"="Update for Something"',
      '"ParentKeyName"="Something"',
      `[${UNINSTALL}\\{X}\\Deeper]`,
      '"DisplayName"="No entry of its own"',
    )
    expect(parseUninstall(parseRegistry(text), '64')).toEqual([
      {
        key: '64:{23170F69-40C1-2702-2409-000001000000}',
        source: 'registry',
        name: '7-Zip 24.09 (x64 edition)',
        version: '24.09.00.0',
        publisher: 'Igor Pavlov',
        installed_on: '2025-01-31',
      },
      {
        key: '64:VLC media player',
        source: 'registry',
        name: 'VLC media player',
        version: '3.0.18',
        publisher: null,
        installed_on: null,
      },
    ])
  })
})

describe('the version of Windows', () => {
  it('is the marketing version, the build with its revision, and the installation date', () => {
    const values = new Map([
      ['displayversion', '23H2'],
      ['releaseid', '2009'],
      ['currentbuildnumber', '22631'],
      ['ubr', '0x1087'],
      ['installdate', '0x65000000'],
    ])
    expect(parseWindowsVersion(values)).toEqual({
      version: '23H2',
      build: '22631.4231',
      installed_at: '2023-09-12T06:06:56.000Z',
    })
    expect(parseWindowsVersion(new Map())).toEqual({
      version: null,
      build: null,
      installed_at: null,
    })
  })
})

describe('drives', () => {
  it('are the letters that stand for a partition of a disk', () => {
    const values = new Map([
      ['\\??\\volume{0b3d5f5e-0000-0000-0000-100000000000}', '444D494F3A49443A00'],
      ['\\dosdevices\\c:', '444D494F3A49443A0B3D5F5E0000000000001000000000AB'],
      ['\\dosdevices\\e:', '9AF2E9C80000100000000000'],
      ['\\dosdevices\\d:', Buffer.from('\\??\\SCSI#CdRom&Ven_X', 'utf16le').toString('hex')],
    ])
    expect(parseMountedDevices(values)).toEqual(['C:', 'E:'])
  })
})

describe('the serial number', () => {
  const structure = (type: number, fields: number[], texts: string[]): Buffer =>
    Buffer.concat([
      Buffer.from([type, fields.length + 4, 0, 0, ...fields]),
      Buffer.from(texts.length ? texts.map((t) => `${t}\0`).join('') + '\0' : '\0\0', 'latin1'),
    ])
  const bios = structure(0, [1, 2, 0, 0], ['LENOVO', 'N2HET63W'])
  const system = (serial: string): Buffer =>
    structure(1, [1, 2, 3, 4, ...Array<number>(16).fill(9)], ['LENOVO', '20XW', 'X1', serial])
  const withHeader = (table: Buffer): Buffer => {
    const header = Buffer.from([0, 3, 2, 0, 0, 0, 0, 0])
    header.writeUInt32LE(table.length, 4)
    return Buffer.concat([header, table])
  }

  it("is read from the firmware's tables, with and without a header", () => {
    const table = Buffer.concat([bios, structure(126, [], []), system('PF2ABCDE')])
    expect(serialFromSmbios(table.toString('hex'))).toBe('PF2ABCDE')
    expect(serialFromSmbios(withHeader(table).toString('hex'))).toBe('PF2ABCDE')
  })
  it('is null if the firmware has none, or only a placeholder', () => {
    const of = (table: Buffer) => serialFromSmbios(table.toString('hex'))
    expect(of(Buffer.concat([bios, system('To Be Filled By O.E.M.')]))).toBeNull()
    expect(of(bios)).toBeNull()
    expect(of(system('X').subarray(0, 20))).toBeNull()
    expect(of(Buffer.alloc(64))).toBeNull()
    expect(of(Buffer.alloc(64, 1))).toBeNull()
    expect(serialFromSmbios('not hex')).toBeNull()
    expect(serialFromSmbios('')).toBeNull()
  })
})
