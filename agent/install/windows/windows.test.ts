/**
 * Parsing of Windows' own output: Windows Installer logs, uninstall command lines, exit codes of the helper.
 */
import { describe, expect, it } from 'vitest'
import { inJob, jobOf, jobStartError, omittedIn } from '../../supervisor/windows-job.ts'
import { relevantLines } from './msi-log.ts'
import { productCodeOf, splitCommandLine } from './remove.ts'

describe('a log of Windows Installer', () => {
  const log = [
    'Action start 10:00:00: InstallFiles.',
    'Action ended 10:00:01: InstallFiles. Return value 1.',
    'Action ended 10:00:01: Skipped. Return value 0.',
    'MSI (s) (A4:1C) [10:00:02:001]: Note: 1: 1722 2: Configure 3: C:\\x.exe 4: /y',
    'CustomAction Configure returned actual error code 5 (note this may not be 100% accurate)',
    'Error 1722. There is a problem with this Windows Installer package.',
    'Action ended 10:00:02: Configure. Return value 3.',
    'Action ended 10:00:03: INSTALL. Return value 3.',
    'Action ended 10:00:03: INSTALL. Return value 3.',
    'Property(S): ProductName = Tool',
    'MSI (s) (A4:1C) [10:00:03:001]: Product: Tool -- Installation failed.',
    'MSI (s) (A4:1C) [10:00:03:002]: MainEngineThread is returning 1603',
  ]

  it('is reduced to the lines about the failure, each once', () => {
    const lines = relevantLines(log.join('\r\n'))
    expect(lines).toHaveLength(7)
    expect(lines[2]).toBe(log[5])
    expect(lines.join('\n')).not.toMatch(/Skipped|Property|Return value 1/)
  })

  it('has no such lines after a success', () => {
    expect(relevantLines('Action ended 1:00:00: INSTALL. Return value 1.')).toEqual([])
  })

  it('cannot fill the output', () => {
    const endless = Array.from({ length: 5_000 }, (_, i) => `Error 1722. ${i} ${'x'.repeat(2_000)}`)
    const lines = relevantLines(endless.join('\n'))
    expect(lines).toHaveLength(40)
    expect(Math.max(...lines.map((line) => line.length))).toBe(500)
  })
})

describe('the command line of an uninstaller', () => {
  it.each([
    ['"C:\\A B\\un.exe" /S', 'C:\\A B\\un.exe', '/S'],
    ['C:\\A B\\un.exe /S _?=C:\\A B', 'C:\\A B\\un.exe', '/S _?=C:\\A B'],
    ['C:\\A\\UN.EXE', 'C:\\A\\UN.EXE', ''],
    ['  "C:\\x.exe"  ', 'C:\\x.exe', ''],
  ])('%s is split into a program and its arguments', (line, file, rest) => {
    expect(splitCommandLine(line)).toEqual({ file, rest })
  })

  it.each(['', 'rundll32 x,y', '"open'])('%j has no program', (line) => {
    expect(splitCommandLine(line)).toBeNull()
  })

  it('of Windows Installer is recognised by the product code of its entry', () => {
    const code = '{11111111-2222-3333-4444-555555555555}'
    const key = `HKEY_LOCAL_MACHINE\\…\\Uninstall\\${code}`
    expect(productCodeOf({ key, uninstall: `MsiExec.exe /I${code}` })).toBe(code)
    expect(productCodeOf({ key, uninstall: `"C:\\Windows\\System32\\msiexec.exe" /X` })).toBe(code)
    // Burn and others also register a GUID, but with their own program.
    expect(productCodeOf({ key, uninstall: '"C:\\ProgramData\\setup.exe" /uninstall' })).toBeNull()
    expect(productCodeOf({ key: 'X\\Tool', uninstall: 'MsiExec.exe /X' })).toBeNull()
  })
})

describe('a job object', () => {
  const command = { file: 'C:\\A B\\setup.exe', args: ['/S', '/D=C:\\X Y'], verbatim: true }

  it('receives the command line unchanged', () => {
    expect(inJob('C:\\h.exe', 'abc', 'C:\\a b\\output.log', command)).toEqual({
      file: 'C:\\h.exe',
      args: [
        'job',
        'abc',
        '"C:\\a b\\output.log"',
        '--',
        '"C:\\A B\\setup.exe"',
        '/S',
        '/D=C:\\X Y',
      ],
      verbatim: true,
    })
    const quoted = inJob('h', 'abc', 'o', { file: 'a.exe', args: ['x y'], verbatim: false })
    expect(quoted.args.at(-1)).toBe('"x y"')
    expect(inJob('h', 'abc', 'o', { ...command, wholeTree: true }).args[0]).toBe('job-all')
    expect(jobOf('DEPLOYX_ATTEMPT_ID=abc')).toBe('abc')
  })

  it('reports how much of the output was left out', () => {
    expect(omittedIn('1048576\r\n')).toBe(1_048_576)
    expect(omittedIn('')).toBe(0)
  })

  it('distinguishes a program that could not be started from one that failed', () => {
    expect(jobStartError(0xe0de0002)).toEqual({ code: 'ENOENT', message: 'Windows error 2' })
    expect(jobStartError(0xe0de0000 + 740)?.code).toBe('EPERM')
    expect(jobStartError(-0x1f220000 + 5)?.code).toBe('EACCES')
    for (const own of [0, 1, 5, 1603, 3010, 0xc0000005, -1]) expect(jobStartError(own)).toBeNull()
  })
})
