import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ArgumentSyntaxError, splitArguments } from './argv.ts'
import { NO_TARGETS, successRate, verdict } from './deployment-state.ts'
import { formatEnrollmentCode, parseEnrollmentCode } from './enrollment-code.ts'
import { exitCodeInWords, explainExitCode } from './exit-codes.ts'
import { chooseInstaller, kindOfFileName } from './platforms.ts'

describe('the verdict', () => {
  it('waits while anything is left to run', () => {
    for (const state of ['pending', 'downloading', 'installing'] as const)
      expect(verdict({ ...NO_TARGETS, completed: 3, [state]: 1 }, false)).toBeNull()
  })
  it('is partial when some failed and some completed', () => {
    expect(verdict({ ...NO_TARGETS, completed: 1, failed: 1 }, false)).toBe('partial')
  })
  it('is failed when some failed and none completed, whatever was skipped', () => {
    expect(verdict({ ...NO_TARGETS, failed: 1, skipped: 5 }, false)).toBe('failed')
  })
  it('is completed otherwise, all skipped included', () => {
    expect(verdict({ ...NO_TARGETS, completed: 2, skipped: 1 }, false)).toBe('completed')
    expect(verdict({ ...NO_TARGETS, skipped: 2 }, false)).toBe('completed')
  })
  it('is canceled for a cancelled deployment, even if some targets ended', () => {
    expect(verdict({ ...NO_TARGETS, completed: 2, failed: 1 }, true)).toBe('canceled')
  })
  it('counts skipped targets neither as success nor as failure', () => {
    expect(successRate({ completed: 0, failed: 0 })).toBeNull()
    expect(successRate({ completed: 2, failed: 1 })).toBe(66.7)
  })
})

describe('splitting arguments', () => {
  it.each([
    ['linux', `--name 'a b' "c $d" e\\ f`, ['--name', 'a b', 'c $d', 'e f']],
    ['linux', `""  ''`, ['', '']],
    ['linux', '$(reboot) ; `id` && x', ['$(reboot)', ';', '`id`', '&&', 'x']],
    [
      'windows',
      '/qn INSTALLDIR="C:\\Program Files\\X" /norestart',
      ['/qn', 'INSTALLDIR=C:\\Program Files\\X', '/norestart'],
    ],
    ['windows', '"a\\\\" "b\\"c" d\\\\e', ['a\\', 'b"c', 'd\\\\e']],
    ['macos', "-target '/Volumes/My Disk'", ['-target', '/Volumes/My Disk']],
  ] as const)('%s: %s', (platform, line, argv) => {
    expect(splitArguments(line, platform)).toEqual({ argv, verbatim: false })
  })
  it("keeps NSIS's folder argument unchanged and last", () => {
    expect(splitArguments('/S /D=C:\\Program Files\\My App', 'windows')).toEqual({
      argv: ['/S', '/D=C:\\Program Files\\My App'],
      verbatim: true,
    })
  })
  it.each(['linux', 'windows'] as const)('refuses an open quote on %s', (platform) => {
    expect(() => splitArguments('/a "b c', platform)).toThrow(ArgumentSyntaxError)
  })
  it('restores on POSIX what was quoted with apostrophes', () => {
    fc.assert(
      fc.property(fc.array(fc.string().filter((s) => !s.includes('\0'))), (args) => {
        const line = args.map((a) => `'${a.replaceAll("'", `'\\''`)}'`).join(' ')
        expect(splitArguments(line, 'linux').argv).toEqual(args)
      }),
    )
  })
})

describe('the enrolment code', () => {
  const code = {
    secret: 'abcdefghijklmnopqrst_-',
    fingerprint: 'sha256/dLKjwXUvCuM1gkzh0jZ5nYqQffULSdmGRF4eiXs+/bs=',
    addresses: ['192.168.1.20:7480', 'console.lan:7480', '[fe80::1]:7480'],
  }
  it('is parsed as it was formatted', () => {
    expect(parseEnrollmentCode(`  ${formatEnrollmentCode(code)}\n`)).toEqual(code)
  })
  it('contains no shell metacharacters', () => {
    expect(formatEnrollmentCode({ ...code, addresses: ['10.0.0.1:7480'] })).toMatch(
      /^[A-Za-z0-9._:/-]+$/,
    )
  })
  it.each([
    '',
    'DX1',
    'DX1.short.key.1.2.3.4:1',
    'hello',
    formatEnrollmentCode(code).slice(0, -12),
    'DX2' + formatEnrollmentCode(code).slice(3),
  ])('is refused if incomplete: %s', (text) => expect(parseEnrollmentCode(text)).toBeNull())
})

describe('exit codes', () => {
  it('distinguish success, restart, retry and failure', () => {
    expect(explainExitCode('msi', 0).outcome).toBe('success')
    expect(explainExitCode('msi', 3010).outcome).toBe('success_reboot')
    expect(explainExitCode('msi', 1641).outcome).toBe('success_reboot')
    expect(explainExitCode('msi', 1618).outcome).toBe('retry_later')
    expect(explainExitCode('msi', 1603).outcome).toBe('failed')
    expect(explainExitCode('sh', 3010).outcome).toBe('failed')
  })
  it('follow the success codes of a package, except that a restart stays a restart', () => {
    expect(explainExitCode('exe', 42, [42]).outcome).toBe('success')
    expect(explainExitCode('msi', 3010, [3010]).outcome).toBe('success_reboot')
  })
  it('are explained in words', () => {
    expect(exitCodeInWords('msi', 1618)).toBe('1618: another installation is running')
  })
})

describe('choosing an installer', () => {
  const of = (platform: 'windows' | 'linux' | 'macos', arch: 'x64' | 'arm64' | 'x86' | 'any') => ({
    platform,
    arch,
  })
  it('prefers the exact architecture, then any', () => {
    const exact = of('linux', 'x64')
    expect(chooseInstaller([of('linux', 'any'), exact], { platform: 'linux', arch: 'x64' })).toBe(
      exact,
    )
  })
  it('chooses 32-bit installers for 64-bit Windows, not for Linux', () => {
    const x86 = of('windows', 'x86')
    expect(chooseInstaller([x86], { platform: 'windows', arch: 'x64' })).toBe(x86)
    expect(chooseInstaller([of('linux', 'x86')], { platform: 'linux', arch: 'x64' })).toBeNull()
  })
  it('finds the kind from the file name', () => {
    expect(kindOfFileName('Setup.MSI')).toBe('msi')
    expect(kindOfFileName('run.bat')).toBe('cmd')
    expect(kindOfFileName('readme.txt')).toBeNull()
  })
})
