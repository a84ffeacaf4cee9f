/** The command lines of all platforms, without running them. */
import { describe, expect, it } from 'vitest'
import { splitArguments } from '#shared/domain/argv.ts'
import fc from 'fast-check'
import { debInstallCommand, debRemoveCommand, parseDebStates } from './linux/deb.ts'
import { dmgCommand, pkgCommand } from './macos/commands.ts'
import { packageFileName } from './package-name.ts'
import { interpreterOf } from './script.ts'
import {
  batchCommand,
  exeCommand,
  msiInstallCommand,
  msiRemoveCommand,
  powershellCommand,
  windowsCommand,
} from './windows/commands.ts'
import { quoteArgument } from '#shared/domain/command-line.ts'

const FILE = 'C:\\ProgramData\\Deploy X\\a b.msi'
const LOG = 'C:\\ProgramData\\Deploy X\\msi.log'

describe('Windows', () => {
  it('passes msiexec the package, no window, no restart, and properties in its own format', () => {
    const { file, args, verbatim } = msiInstallCommand(FILE, ['INSTALLDIR=C:\\A B', 'X=1'], LOG)
    expect(file).toMatch(/^C:\\Windows\\System32\\msiexec\.exe$/i)
    expect(verbatim).toBe(true)
    expect(args.join(' ')).toBe(
      `/i "${FILE}" /qn /norestart /L*v "${LOG}" INSTALLDIR="C:\\A B" X=1`,
    )
  })

  it.each([
    ['msp', 'msiexec.exe', `/p "${FILE}" /qn /norestart /L*v "${LOG}"`],
    ['msu', 'wusa.exe', `${FILE} /quiet /norestart`],
    [
      'msix',
      'dism.exe',
      `/Online /Add-ProvisionedAppxPackage /PackagePath:${FILE} /SkipLicense /Quiet /NoRestart`,
    ],
  ] as const)('installs a .%s with %s, and cannot remove it', (kind, program, line) => {
    const run = (action: 'install' | 'uninstall') =>
      windowsCommand({ action, kind, argv: [], verbatim: false }, FILE, LOG)
    const prepared = run('install')
    expect(prepared).toMatchObject({ ok: true })
    if (!prepared.ok) return
    expect(prepared.command.file.toLowerCase().endsWith(program)).toBe(true)
    expect(prepared.command.args.join(' ')).toBe(line)
    expect(run('uninstall')).toMatchObject({ ok: false })
  })

  it('leaves the log to the arguments if they name one', () => {
    expect(msiInstallCommand('a.msi', ['/l*', 'x.log'], LOG).args.join(' ')).toBe(
      '/i a.msi /qn /norestart /l* x.log',
    )
  })

  it('leaves the user interface level to the arguments if they set it', () => {
    expect(msiInstallCommand('a.msi', ['/passive'], LOG).args).not.toContain('/qn')
    expect(msiInstallCommand('a.msi', ['/QB!'], LOG).args).not.toContain('/qn')
  })

  it('removes by product code', () => {
    const code = '{11111111-2222-3333-4444-555555555555}'
    expect(msiRemoveCommand(code, LOG).args.join(' ')).toBe(
      `/x ${code} /qn /norestart /L*v "${LOG}"`,
    )
  })

  it('keeps the last argument of NSIS unchanged, and quotes the others', () => {
    expect(exeCommand('a.exe', ['/S', '/N=a b', '/D=C:\\A B'], true)).toEqual({
      file: 'a.exe',
      args: ['/S', '"/N=a b"', '/D=C:\\A B'],
      verbatim: true,
    })
    expect(exeCommand('a.exe', ['/S', 'a b'], false).args).toEqual(['/S', 'a b'])
  })

  it('runs PowerShell without a profile and without prompts', () => {
    expect(powershellCommand('a.ps1', ['-X', 'y z']).args.slice(-4)).toEqual([
      '-File',
      'a.ps1',
      '-X',
      'y z',
    ])
  })

  it('passes cmd.exe quoted words, and refuses characters that it would interpret', () => {
    expect(batchCommand('C:\\a b.cmd', ['x', 'y & z'])!.args).toEqual([
      '/d',
      '/s',
      '/c',
      '""C:\\a b.cmd" "x" "y & z""',
    ])
    for (const bad of ['%PATH%', 'a"b', 'a\nb', 'x!y'])
      expect(batchCommand('a.cmd', [bad])).toBeNull()
  })

  it('quotes any argument so that Windows parses it back unchanged', () => {
    expect(quoteArgument('C:\\A B\\')).toBe('"C:\\A B\\\\"')
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', ' ', '"', '\\', '\t') }), (text) => {
        expect(splitArguments(quoteArgument(text), 'windows').argv).toEqual([text])
      }),
    )
  })
})

describe('macOS', () => {
  it('installs packages for the whole PC, and passes images as an argument of a fixed script', () => {
    expect(pkgCommand('/a b.pkg', [])).toEqual({
      file: '/usr/sbin/installer',
      args: ['-pkg', '/a b.pkg', '-target', '/'],
      verbatim: false,
    })
    const { args } = dmgCommand('/a "$(x)".dmg')
    expect(args.slice(-2)).toEqual(['/a "$(x)".dmg', '/Applications'])
    expect(args[1]).not.toContain('$(x)')
  })
})

describe('Linux', () => {
  const deb = { packageFile: '/x/a.deb', argv: ['--reinstall'], hasApt: true }

  it('prefers apt-get, which waits for the lock and asks nothing', () => {
    const { file, args } = debInstallCommand({ ...deb, installRoot: null })
    expect(file).toBe('apt-get')
    expect(args.slice(0, 3)).toEqual(['install', '-y', '--no-install-recommends'])
    expect(args).toContain('DPkg::Lock::Timeout=600')
    expect(args).toContain('Dpkg::Options::=--force-confold')
    expect(args.slice(-2)).toEqual(['--reinstall', '/x/a.deb'])
    expect(debInstallCommand({ ...deb, installRoot: null, hasApt: false }).file).toBe('dpkg')
  })

  it("removes with an own folder for archives, because apt-get does not wait for the PC's", () => {
    const remove = { name: 'a', argv: ['--purge'], installRoot: null, hasApt: true }
    const { args } = debRemoveCommand({ ...remove, archives: '/work/archives' })
    expect(args.slice(-4)).toEqual(['-o', 'Dir::Cache::archives=/work/archives', '--purge', 'a'])
  })

  it('never touches the PC if there is an install root', () => {
    for (const command of [
      debInstallCommand({ ...deb, installRoot: '/root' }),
      debRemoveCommand({ name: 'a', argv: [], installRoot: '/root', hasApt: true }),
    ]) {
      expect(command.file).toBe('dpkg')
      expect(command.args).toContain('--root=/root')
    }
  })

  it.each([
    ['#!/bin/sh\necho', '/bin/sh', []],
    ['#! /usr/bin/env bash\n', '/usr/bin/env', ['bash']],
    ['#!/bin/bash -e -u  \r\n', '/bin/bash', ['-e -u']],
    ['#!/bin/sh', '/bin/sh', []],
    ['echo #!/bin/x\n', '/bin/sh', []],
    ['', '/bin/sh', []],
  ])('finds the interpreter of the script %j', (text, file, args) => {
    expect(interpreterOf(text)).toEqual({ file, args })
  })

  it('reads the states that dpkg-query prints', () => {
    expect(parseDebStates('installed amd64 1.2-3\nhalf-configured i386 2\n')).toEqual([
      { status: 'installed', arch: 'amd64', version: '1.2-3' },
      { status: 'half-configured', arch: 'i386', version: '2' },
    ])
  })
})

describe('the name of a stored package', () => {
  it.each([
    ['vlc-3.0.21-win64.exe', 'exe', 'vlc-3.0.21-win64.exe'],
    ['../../etc/passwd', 'sh', 'package.sh'],
    ['C:\\x\\setup.MSI', 'msi', 'setup.MSI'],
    ['..', 'deb', 'package.deb'],
    ['-rf.sh', 'sh', 'rf.sh'],
    ['a b$(c).deb', 'deb', 'a_b__c_.deb'],
    [`${'x'.repeat(300)}.deb`, 'deb', `${'x'.repeat(116)}.deb`],
    ['.sh', 'sh', 'package.sh'],
  ] as const)('%s', (given, kind, stored) => {
    expect(packageFileName(given, kind)).toBe(stored)
  })
})
