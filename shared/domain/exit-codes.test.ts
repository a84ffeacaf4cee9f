import { describe, expect, it } from 'vitest'
import { exitCodeInWords, explainExitCode } from './exit-codes.ts'
import { parseExitCode } from './windows-codes.ts'
import { INSTALLER_KINDS, type InstallerKind } from './platforms.ts'

const UNKNOWN = 'the installer reported a failure'

describe('common exit codes', () => {
  it.each([
    ['msi', 5, 'failed', /access denied/],
    ['msi', 740, 'failed', /administrator/],
    ['msi', 1602, 'failed', /cancelled/],
    ['msi', 1603, 'failed', /fatal error/],
    ['msi', 1605, 'failed', /not installed/],
    ['msi', 1618, 'retry_later', /another installation/],
    ['msi', 1619, 'failed', /could not be opened/],
    ['msi', 1633, 'failed', /processor/],
    ['msi', 1638, 'failed', /another version/],
    ['msi', 1641, 'success_reboot', /restart/],
    ['msi', 3010, 'success_reboot', /restart/],
    ['exe', 3010, 'success_reboot', /restart/],
    ['exe', 1618, 'retry_later', /another installation/],
    ['deb', 1, 'failed', /dependency/],
    ['deb', 2, 'failed', /locked/],
    ['deb', 100, 'failed', /apt/],
    ['deb', 127, 'failed', /command was not found/],
    ['rpm', 1, 'failed', /dependency/],
    ['rpm', 2, 'failed', /already installed/],
    ['pkg', 1, 'failed', /installer/],
    ['sh', 126, 'failed', /executed/],
    ['sh', 137, 'failed', /killed/],
  ] as const)('%s %i is %s', (kind, code, outcome, text) => {
    const meaning = explainExitCode(kind, code)
    expect(meaning.outcome).toBe(outcome)
    expect(meaning.text).toMatch(text)
    expect(meaning.text).not.toBe(UNKNOWN)
  })

  it.each(Object.keys(INSTALLER_KINDS) as InstallerKind[])('%s: 0 is success', (kind) => {
    expect(explainExitCode(kind, 0).outcome).toBe('success')
  })
  it.each([
    [-1, '-1'],
    [4294967295, '-1'],
    [99999, '99999'],
    [-559038737, '0xDEADBEEF'],
  ])('explains %i as a failure in words', (code, written) => {
    for (const kind of Object.keys(INSTALLER_KINDS) as InstallerKind[])
      expect(exitCodeInWords(kind, code)).toBe(`${written}: ${UNKNOWN}`)
  })
  it.each([
    [-2147021886, '0x80070BC2: installed, a restart is needed', 'success_reboot'],
    [2147945410, '0x80070BC2: installed, a restart is needed', 'success_reboot'],
    [0x80070641 + 0x28, '0x80070669: installed, a restart was started', 'success_reboot'],
    [0x80070652, '0x80070652: another installation is running', 'retry_later'],
    [0x80070643, '0x80070643: fatal error during installation', 'failed'],
    [0x80070005, '0x80070005: access denied', 'failed'],
    [0x80070070, '0x80070070: there is not enough space on the disk', 'failed'],
    [-1073741819, '0xC0000005: the installer crashed: access violation', 'failed'],
    [3221225781, '0xC0000135: a library (DLL) was not found', 'failed'],
    [0xe0434352, '0xE0434352: the installer crashed: unhandled .NET exception', 'failed'],
    [0x80240017, '0x80240017: the update does not apply to this PC', 'failed'],
    [2359302, '2359302: installed', 'success'],
    [0x8007ffff, '0x8007FFFF: the installer reported a failure', 'failed'],
  ])('%i is %s', (code, words, outcome) => {
    expect(exitCodeInWords('exe', code)).toBe(words)
    expect(explainExitCode('msi', code).outcome).toBe(outcome)
  })
  it('match the success codes of a package in every notation', () => {
    for (const named of [-2147023293, 2147944003, 0x80070643])
      for (const code of [-2147023293, 2147944003])
        expect(explainExitCode('exe', code, [named]).outcome).toBe('success')
    // Only Windows has unsigned codes.
    expect(explainExitCode('sh', 4294967295, [-1]).outcome).toBe('failed')
  })
  it.each([
    ['3010', 3010],
    [' -2147021886 ', 0x80070bc2],
    ['−2147021886', 0x80070bc2],
    ['0x80070BC2', 0x80070bc2],
    ['0X80070bc2', 0x80070bc2],
    ['2147945410', 0x80070bc2],
    ['-1', 0xffffffff],
    ['4294967296', null],
    ['-2147483649', null],
    ['1.5', null],
    ['1e3', null],
    ['0x', null],
    ['', null],
  ])('%j is read as %s', (text, code) => expect(parseExitCode(text)).toBe(code))
  it('do not mean the same on other systems as on Windows', () => {
    for (const code of [1618, 3010, 1641])
      expect(explainExitCode('deb', code).outcome).toBe('failed')
  })
})

describe('exit codes of a removal', () => {
  it.each([
    ['msi', 0, 'success', 'removed'],
    ['msi', 3010, 'success_reboot', 'removed, a restart is needed'],
    ['msi', 1641, 'success_reboot', 'removed, a restart was started'],
    ['msi', 1603, 'failed', 'fatal error during the removal'],
    ['msi', 1605, 'failed', 'this product is not installed'],
    ['exe', 1618, 'retry_later', 'another installation is running'],
    ['exe', 42, 'failed', 'the uninstaller reported a failure'],
    ['exe', -2147021886, 'success_reboot', 'removed, a restart is needed'],
    ['exe', 0xc0000005, 'failed', 'the uninstaller crashed: access violation'],
    ['deb', 0, 'success', 'removed'],
    ['deb', 3010, 'failed', 'the uninstaller reported a failure'],
    ['deb', 100, 'failed', 'apt could not complete the removal'],
    ['sh', 137, 'failed', 'killed'],
  ] as const)('%s %i is %s: %s', (kind, code, outcome, text) => {
    expect(explainExitCode(kind, code, [], 'uninstall')).toEqual({ outcome, text })
  })
  it('never mention an installer if the code is known', () => {
    for (const kind of Object.keys(INSTALLER_KINDS) as InstallerKind[])
      for (const code of [0, 1, 2, 42, 100, 126, 740, 1602, 1603, 1627, 1641, 3010])
        expect(exitCodeInWords(kind, code, 'uninstall')).not.toMatch(
          /\binstalled(?!$)|installation|the installer/,
        )
  })
  it('have the same outcome as for an installation', () => {
    for (const kind of Object.keys(INSTALLER_KINDS) as InstallerKind[])
      for (const code of [0, 1, 2, 5, 42, 100, 127, 1602, 1618, 1641, 3010])
        expect(explainExitCode(kind, code, [42], 'uninstall').outcome).toBe(
          explainExitCode(kind, code, [42]).outcome,
        )
  })
})
