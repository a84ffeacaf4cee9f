import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ArgumentSyntaxError, splitArguments } from './argv.ts'
import { commandPreview, msiArgument } from './command-line.ts'

describe('arguments of msiexec', () => {
  it.each([
    ['INSTALLDIR="C:\\A B"', ['INSTALLDIR=C:\\A B']],
    ['INSTALLDIR="C:\\A B\\"', ['INSTALLDIR=C:\\A B\\']],
    ['INSTALLDIR="C:\\A B\\" DATADIR="D:\\C D\\"', ['INSTALLDIR=C:\\A B\\', 'DATADIR=D:\\C D\\']],
    ['TEXT="say ""hello"" twice"', ['TEXT=say "hello" twice']],
    ['EMPTY="" /L*v "C:\\my logs\\x.log"', ['EMPTY=', '/L*v', 'C:\\my logs\\x.log']],
    ['DIR=C:\\A" B"\\sub', ['DIR=C:\\A B\\sub']],
    ['/qn X=1\r\nY=2\r\n', ['/qn', 'X=1', 'Y=2']],
  ])('are split: %s', (line, argv) => {
    expect(splitArguments(line, 'windows', 'msi')).toEqual({ argv, verbatim: false })
  })

  it.each([
    ['INSTALLDIR="C:\\A B\\"', 'INSTALLDIR="C:\\A B\\"'],
    ['TEXT="say ""hello"""', 'TEXT="say ""hello"""'],
    ['EMPTY=""', 'EMPTY=""'],
    ['X=1 Y=2', 'X=1 Y=2'],
    ['/L*v "C:\\my logs\\"', '/L*v "C:\\my logs\\"'],
  ])('quotes %s as %s', (line, seen) => {
    const { argv } = splitArguments(line, 'windows', 'msi')
    expect(argv.map(msiArgument).join(' ')).toBe(seen)
  })

  it('survive quoting and splitting, whatever they hold', () => {
    const value = fc.string({ unit: fc.constantFrom('a', ' ', '"', '\\', '=') })
    fc.assert(
      fc.property(fc.array(value), (values) => {
        const argv = values.map((text) => `NAME=${text}`)
        const line = argv.map(msiArgument).join(' ')
        expect(splitArguments(line, 'windows', 'msi').argv).toEqual(argv)
      }),
    )
  })

  it('are refused if a quote is not closed', () => {
    expect(() => splitArguments('A="b', 'windows', 'msi')).toThrow(ArgumentSyntaxError)
  })
})

describe('arguments of other Windows programs', () => {
  it.each([
    '/VERYSILENT /DIR="C:\\A B\\"',
    '/s /v"/qn INSTALLDIR=\\"C:\\A B\\""',
    '/S /D="C:\\A B"',
    '/a "b c" /d',
  ])('passes %s to a setup unchanged', (line) => {
    expect(splitArguments(line, 'windows', 'exe')).toEqual({ argv: [line], verbatim: true })
  })
  it('are split if they have no quotes', () => {
    expect(splitArguments('/S  /norestart\r', 'windows', 'exe')).toEqual({
      argv: ['/S', '/norestart'],
      verbatim: false,
    })
    expect(splitArguments('/S /D=C:\\A B\r\n', 'windows', 'exe')).toEqual({
      argv: ['/S', '/D=C:\\A B'],
      verbatim: true,
    })
    expect(() => splitArguments('/a "b', 'windows', 'exe')).toThrow(ArgumentSyntaxError)
  })
  it.each([
    ['-Dir "C:\\A B\\" -Log "\\\\srv\\x y\\"', ['-Dir', 'C:\\A B\\', '-Log', '\\\\srv\\x y\\']],
    ['-Text "say \\"hi\\" now"', ['-Text', 'say "hi" now']],
    ['-X "a ""b"""', ['-X', 'a "b"']],
  ])('splits %s of a PowerShell script', (line, argv) => {
    expect(splitArguments(line, 'windows', 'ps1').argv).toEqual(argv)
  })
  it('of a batch file end a path at the closing quote', () => {
    expect(splitArguments('"C:\\A B\\" x', 'windows', 'cmd').argv).toEqual(['C:\\A B\\', 'x'])
  })
})

describe('arguments on Linux', () => {
  it('ignore a pasted line break at the end', () => {
    expect(splitArguments('--mode silent\r\n', 'linux', 'sh').argv).toEqual(['--mode', 'silent'])
    expect(splitArguments("'a\r'", 'linux').argv).toEqual(['a\r'])
  })
})

describe('the resulting command', () => {
  const of = (kind: Parameters<typeof commandPreview>[0]['kind'], fileName: string, args: string) =>
    commandPreview({
      kind,
      fileName,
      args,
      platform: ['msi', 'exe', 'ps1', 'cmd'].includes(kind) ? 'windows' : 'linux',
    })
  it('is what the PC runs, without folders', () => {
    expect(of('msi', 'a b.msi', 'INSTALLDIR="C:\\A B\\"')).toBe(
      'msiexec /i "a b.msi" /qn /norestart /L*v msi.log INSTALLDIR="C:\\A B\\"',
    )
    expect(of('exe', 'setup.exe', '/S /D=C:\\A B')).toBe('setup.exe /S /D=C:\\A B')
    expect(of('exe', 'setup.exe', '/v"/qn X=\\"1\\""')).toBe('setup.exe /v"/qn X=\\"1\\""')
    expect(of('ps1', 'x.ps1', '-A "b c"')).toBe('powershell -File x.ps1 -A "b c"')
    expect(of('sh', 'x.sh', '--name "a b" $HOME')).toBe("./x.sh --name 'a b' '$HOME'")
    expect(of('deb', 'x.deb', '--reinstall')).toBe('apt-get install --reinstall ./x.deb')
    expect(of('dmg', 'x.dmg', '')).toBeNull()
  })
})
