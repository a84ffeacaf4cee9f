import { describe, expect, it } from 'vitest'
import { parsePkgVersion } from './macos.ts'
import { parseRegistry, parseUsers } from '../lib/registry.ts'
import { bundlesIn, entryFits, productFits, uninstallEntry } from './uninstall-entries.ts'
import { expandPath, packCode, unpackCode } from './windows.ts'

const REG = [
  'Windows Registry Editor Version 5.00',
  '',
  '[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\VLC media player]',
  '"DisplayName"="VLC media player"',
  '"DisplayVersion"="3.0.21"',
  '"UninstallString"="\\"C:\\\\Program Files\\\\VLC\\\\uninstall.exe\\""',
  '',
  '[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\{AAAA}]',
  '"NoModify"=dword:00000001',
  '"Version"=dword:01020003',
].join('\r\n')

describe('the Uninstall keys of the registry', () => {
  it('contain name, version and uninstall command', () => {
    const entries = parseRegistry(REG).map(uninstallEntry)
    expect(entries[0]!.uninstall).toBe('"C:\\Program Files\\VLC\\uninstall.exe"')
    expect(entries[0]!.quietUninstall).toBeNull()
    expect(entries.map(({ name, version, msiVersion }) => ({ name, version, msiVersion }))).toEqual(
      [
        { name: 'VLC media player', version: '3.0.21', msiVersion: null },
        { name: null, version: null, msiVersion: '1.2.3' },
      ],
    )
  })

  it('contain the version after a small update of a product, which keeps its product code', () => {
    const fits = (version: string | undefined, operator?: 'eq' | 'ge') =>
      productFits({ version: 'whatever it shows', msiVersion: '1.2.3' }, { version, operator })
    expect([fits(undefined), fits('1.2.3.9'), fits('1.2.4'), fits('1.2.2', 'eq')]).toEqual([
      true,
      true,
      false,
      false,
    ])
  })

  it('match by name, ignoring case, and by version', () => {
    const entry = { name: 'VLC media player', version: '3.0.21' }
    const fits = (version: string | undefined, operator: 'eq' | 'ge') =>
      entryFits(entry, { name: 'vlc MEDIA player', version, operator })
    expect(fits(undefined, 'ge')).toBe(true)
    expect(fits('3.0.3', 'ge')).toBe(true)
    expect(fits('3.0.22', 'ge')).toBe(false)
    expect(fits('3.0.21', 'eq')).toBe(true)
    expect(fits('3.0.3', 'eq')).toBe(false)
    const named = (name: string, wanted: string) =>
      entryFits({ ...entry, name }, { name: wanted, operator: 'ge' })
    expect(named('OpenCX® “Plus” – Größe', 'opencx® “plus” – GRÖSSE')).toBe(false)
    expect(named('OpenCX® “Plus” – GRÖßE™', 'opencx® “plus” – größe™')).toBe(true)
    expect(named('Mu\u0308ller', 'Müller')).toBe(true)
    expect(named('M?ller', 'Müller')).toBe(false)
    expect(entryFits({ ...entry, name: 'VLC' }, { name: 'VLC media player', operator: 'ge' })).toBe(
      false,
    )
    expect(
      entryFits({ ...entry, version: null }, { name: entry.name, version: '1', operator: 'ge' }),
    ).toBe(false)
  })
})

describe('the bundles of the WiX Toolset', () => {
  it('are found by any of their upgrade codes', () => {
    const codes = [
      '{AAAAAAAA-2222-3333-4444-555555555555}',
      '{BBBBBBBB-2222-3333-4444-555555555555}',
    ]
    const hex = Buffer.from(`${codes.join('\0')}\0\0`, 'utf16le')
      .toString('hex')
      .match(/../g)!
      .join()
    const keys = parseRegistry(
      `[HKEY_LOCAL_MACHINE\\SOFTWARE\\Uninstall\\{1}]\r\n"DisplayVersion"="2.5"\r\n"BundleUpgradeCode"=hex(7):${hex}\r\n\r\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\Uninstall\\Other]\r\n"DisplayVersion"="1"\r\n`,
    )
    for (const code of codes)
      expect(bundlesIn(keys, code.toLowerCase()).map(({ version }) => version)).toEqual(['2.5'])
    expect(bundlesIn(keys, '{CCCCCCCC-2222-3333-4444-555555555555}')).toEqual([])
  })
})

describe('the registry of users', () => {
  it('is read for SYSTEM and people, but not for services or the classes of a user', () => {
    const printed = [
      '',
      'HKEY_USERS\\.DEFAULT',
      'HKEY_USERS\\S-1-5-18',
      'HKEY_USERS\\S-1-5-19',
      'HKEY_USERS\\S-1-5-21-1004336348-1177238915-682003330-512',
      'HKEY_USERS\\S-1-5-21-1004336348-1177238915-682003330-512_Classes',
    ].join('\r\n')
    expect(parseUsers(printed)).toEqual([
      'S-1-5-18',
      'S-1-5-21-1004336348-1177238915-682003330-512',
    ])
  })
})

describe('a code of Windows Installer', () => {
  // The key that Windows itself uses for the Visual C++ 2008 runtime.
  const code = '{FF66E9F6-83E7-3A3E-AF14-8DE9A809A6A4}'
  const packed = '6F9E66FF7E38E3A3FA41D89E8A906A4A'
  it('is stored with its parts reversed', () => {
    expect(packCode(code)).toBe(packed)
    expect(unpackCode(packed.toLowerCase())).toBe(code)
    expect(unpackCode('Version')).toBeNull()
  })
})

describe('a path of a rule', () => {
  it('may contain an environment variable of Windows, ignoring case', () => {
    const env = { ProgramFiles: 'C:\\Program Files' }
    expect(expandPath('%PROGRAMFILES%\\VLC\\vlc.exe', env)).toBe('C:\\Program Files\\VLC\\vlc.exe')
    expect(expandPath('%Nope%\\x', env)).toBe('%Nope%\\x')
  })
})

describe('a receipt of macOS', () => {
  it('contains its version', () => {
    const text = 'package-id: org.videolan.vlc\nversion: 3.0.21\nvolume: /\n'
    expect(parsePkgVersion(text)).toBe('3.0.21')
    expect(parsePkgVersion('No receipt')).toBeNull()
  })
})
