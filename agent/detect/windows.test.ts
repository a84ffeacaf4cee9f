import { describe, expect, it } from 'vitest'
import { parsePkgVersion } from './macos.ts'
import { entryFits, expandPath, parseUninstallEntries } from './windows.ts'

const REG = [
  '',
  'HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\VLC media player',
  '    DisplayName    REG_SZ    VLC media player',
  '    DisplayVersion    REG_SZ    3.0.21',
  '    UninstallString    REG_SZ    "C:\\Program Files\\VLC\\uninstall.exe"',
  '',
  'HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\{AAAA}',
  '    NoModify    REG_DWORD    0x1',
  '',
  'End of search: 5 match(es) found.',
].join('\r\n')

describe('the Uninstall keys of the registry', () => {
  it('are read from what reg.exe prints', () => {
    const entries = parseUninstallEntries(REG)
    expect(entries[0]!.uninstall).toBe('"C:\\Program Files\\VLC\\uninstall.exe"')
    expect(entries[0]!.quietUninstall).toBeNull()
    expect(entries.map(({ name, version }) => ({ name, version }))).toEqual([
      { name: 'VLC media player', version: '3.0.21' },
      { name: null, version: null },
    ])
  })

  it('fit by name, whatever the case, and by version', () => {
    const entry = { name: 'VLC media player', version: '3.0.21' }
    const fits = (version: string | undefined, operator: 'eq' | 'ge') =>
      entryFits(entry, { name: 'vlc MEDIA player', version, operator })
    expect(fits(undefined, 'ge')).toBe(true)
    expect(fits('3.0.3', 'ge')).toBe(true)
    expect(fits('3.0.22', 'ge')).toBe(false)
    expect(fits('3.0.21', 'eq')).toBe(true)
    expect(fits('3.0.3', 'eq')).toBe(false)
    expect(entryFits({ ...entry, name: 'M?ller' }, { name: 'Müller', operator: 'ge' })).toBe(true)
    expect(entryFits({ ...entry, name: 'M?ller' }, { name: 'Maller', operator: 'ge' })).toBe(false)
    expect(entryFits({ ...entry, name: 'VLC' }, { name: 'VLC media player', operator: 'ge' })).toBe(
      false,
    )
    expect(
      entryFits({ ...entry, version: null }, { name: entry.name, version: '1', operator: 'ge' }),
    ).toBe(false)
  })
})

describe('a path of a rule', () => {
  it('may name a folder of Windows, whatever the case', () => {
    const env = { ProgramFiles: 'C:\\Program Files' }
    expect(expandPath('%PROGRAMFILES%\\VLC\\vlc.exe', env)).toBe('C:\\Program Files\\VLC\\vlc.exe')
    expect(expandPath('%Nope%\\x', env)).toBe('%Nope%\\x')
  })
})

describe('a receipt of macOS', () => {
  it('tells its version', () => {
    const text = 'package-id: org.videolan.vlc\nversion: 3.0.21\nvolume: /\n'
    expect(parsePkgVersion(text)).toBe('3.0.21')
    expect(parsePkgVersion('No receipt')).toBeNull()
  })
})
