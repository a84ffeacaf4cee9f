import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ArchivePath,
  archiveChoices,
  nearestPaths,
  isWindowsPath,
  kindOfEntry,
  linkTarget,
  proposedEntry,
  proposedPlatform,
  runKind,
  safeArchivePath,
} from './archives.ts'

const names = fc
  .array(fc.constantFrom('a', 'B c', '..', '.', '', '/', '\\', 'C:', '\n', 'ü', '...', '.x'), {
    maxLength: 8,
  })
  .map((parts) => parts.join(''))

describe('names in an archive', () => {
  it.each([
    ['a/b', 'a/b'],
    ['./a//b/', 'a/b'],
    ['a\\b', 'a/b'],
    ['./', ''],
    ['a/...', 'a/...'],
    ['../a', null],
    ['a/../../b', null],
    ['a/../b', null],
    ['/a', null],
    ['\\\\server\\share', null],
    ['C:a', null],
    ['a\nb', null],
    ['x'.repeat(256), null],
    ['x/'.repeat(600), null],
  ])('reads %j as %j', (name, path) => {
    expect(safeArchivePath(name)).toBe(path)
  })

  it('match the contract exactly if they need no change', () => {
    fc.assert(
      fc.property(names, (name) => {
        const isPath = name !== '' && safeArchivePath(name) === name
        expect(ArchivePath.safeParse(name).success).toBe(isPath)
      }),
      { numRuns: 2_000 },
    )
  })

  it('resolve links, but not out of the archive', () => {
    expect(linkTarget('a/b/l', '../c')).toBe('a/c')
    expect(linkTarget('l', 'c/d')).toBe('c/d')
    expect(linkTarget('a/l', '../../c')).toBeNull()
    expect(linkTarget('a/l', 'b/../../../c')).toBeNull()
    expect(linkTarget('l', '/c')).toBeNull()
  })

  it('are refused for Windows if it cannot have such a file', () => {
    for (const bad of ['a:b', 'a?', 'NUL', 'x/con.txt', 'a.', 'a /b', 'a|b'])
      expect(isWindowsPath(bad), bad).toBe(false)
    expect(isWindowsPath('a b/c.d/console.txt')).toBe(true)
  })
})

describe('the entry of an archive', () => {
  const executable = (path: string) => ({ path, isExecutable: true })
  const file = (path: string) => ({ path, isExecutable: false })

  it('is offered in the order of depth, kind and name', () => {
    const files = [
      file('a/b/deep.exe'),
      file('z.cmd'),
      file('a.exe'),
      file('setup.msi'),
      file('README'),
      file('inner.zip'),
      executable('install'),
      executable('lib/x.so.1'),
    ]
    expect(archiveChoices(files)).toEqual([
      'setup.msi',
      'a.exe',
      'z.cmd',
      'install',
      'a/b/deep.exe',
    ])
  })

  it('is proposed if there is only one at the top', () => {
    expect(proposedEntry(['x/setup.exe', 'x/y/other.exe'], 'windows')).toBe('x/setup.exe')
    expect(proposedEntry(['a.exe', 'b.exe'], 'windows')).toBeNull()
    expect(proposedEntry(['a.exe', 'b.sh'], 'linux')).toBe('b.sh')
    expect(proposedEntry([], 'linux')).toBeNull()
    expect(proposedPlatform(['a.exe', 'b.sh'])).toBe('windows')
    expect(proposedPlatform(['a.exe', 'b.deb'])).toBeNull()
    expect(proposedPlatform(['b.sh'])).toBe('linux')
  })

  it('is run by its own kind', () => {
    expect(kindOfEntry('a/install', 'linux')).toBe('sh')
    expect(kindOfEntry('a/install', 'windows')).toBeNull()
    expect(kindOfEntry('a.deb', 'macos')).toBeNull()
    expect(runKind('zip', 'windows', 'a/b.MSI')).toBe('msi')
    expect(runKind('zip', 'windows', null)).toBe('zip')
    expect(runKind('exe', 'windows', 'a.msi')).toBe('exe')
  })
})

it('offers no file with a misleading name', () => {
  const files = ['setup.exe', 'a\u202egpj.exe', 'b\u200b.exe'].map((path) => ({
    path,
    isExecutable: false,
  }))
  expect(archiveChoices(files)).toEqual(['setup.exe'])
  const paths = files.map(({ path }) => path)
  expect(nearestPaths('a.exe', paths)).toEqual(['setup.exe'])
  expect(ArchivePath.safeParse('a\u202egpj.exe').success).toBe(false)
})
