import { describe, expect, it } from 'vitest'
import { parsePkgVersion } from './macos.ts'
import { parseRegistry } from '../lib/registry.ts'
import { entryFits, expandPath, productFits, uninstallEntry } from './windows.ts'

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
      productFits(
        { version: 'whatever it shows', msiVersion: '1.2.3' },
        { type: 'msi_product', product_code: '{}', version, operator },
      )
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
