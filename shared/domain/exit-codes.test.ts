import { describe, expect, it } from 'vitest'
import { exitCodeInWords, explainExitCode } from './exit-codes.ts'
import { INSTALLER_KINDS, type InstallerKind } from './platforms.ts'

const UNKNOWN = 'the installer reported a failure'

describe('exit codes that technicians meet', () => {
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
  it.each([-1, 4294967295, 99999])('%i is a failure in words, not a riddle', (code) => {
    for (const kind of Object.keys(INSTALLER_KINDS) as InstallerKind[])
      expect(exitCodeInWords(kind, code)).toBe(`${code}: ${UNKNOWN}`)
  })
  it('does not take the codes of Windows for those of other systems', () => {
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
    ['deb', 0, 'success', 'removed'],
    ['deb', 3010, 'failed', 'the uninstaller reported a failure'],
    ['deb', 100, 'failed', 'apt could not complete the removal'],
    ['sh', 137, 'failed', 'killed'],
  ] as const)('%s %i is %s: %s', (kind, code, outcome, text) => {
    expect(explainExitCode(kind, code, [], 'uninstall')).toEqual({ outcome, text })
  })
  it('speak of an installer nowhere that they are known', () => {
    for (const kind of Object.keys(INSTALLER_KINDS) as InstallerKind[])
      for (const code of [0, 1, 2, 42, 100, 126, 740, 1602, 1603, 1627, 1641, 3010])
        expect(exitCodeInWords(kind, code, 'uninstall')).not.toMatch(/\binstalled(?!$)|installation|the installer/) // prettier-ignore
  })
  it('keep their outcome', () => {
    for (const kind of Object.keys(INSTALLER_KINDS) as InstallerKind[])
      for (const code of [0, 1, 2, 5, 42, 100, 127, 1602, 1618, 1641, 3010])
        expect(explainExitCode(kind, code, [42], 'uninstall').outcome).toBe(
          explainExitCode(kind, code, [42]).outcome,
        )
  })
})
