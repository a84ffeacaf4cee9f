import { describe, expect, it } from 'vitest'
import { parseRpmPackages, presenceAmong } from './linux.ts'
import { compareDeb, compareRpm } from '#shared/domain/versions.ts'

const installedPackage = (version: string, arch = 'amd64') => ({ name: 'tool', arch, version })

describe('a package', () => {
  it('of another architecture is a different package', () => {
    const rule = { type: 'dpkg', name: 'tool', version: '1.0', operator: 'ge' } as const
    const of = (arch: string | undefined, ...installed: ReturnType<typeof installedPackage>[]) =>
      presenceAmong(installed, { ...rule, arch }, compareDeb)
    expect(of('i386', installedPackage('1.0'))).toBe('absent')
    expect(of('amd64', installedPackage('1.0', 'i386'))).toBe('absent')
    expect(of('i386', installedPackage('1.0'), installedPackage('1.0', 'i386'))).toBe('present')
    expect(of('i386', installedPackage('2.0'), installedPackage('0.9', 'i386'))).toBe('absent')
    expect(of(undefined, installedPackage('1.0', 'i386'))).toBe('present')
    // A package for all architectures matches each of them.
    expect(of('amd64', installedPackage('1.0', 'all'))).toBe('present')
  })

  it('matches any of the names that rpm uses for 32-bit PCs', () => {
    const rule = { type: 'rpm', name: 'tool', arch: 'i686', operator: 'ge' } as const
    const of = (arch: string) => presenceAmong([installedPackage('0:1-1', arch)], rule, compareRpm)
    expect([of('i686'), of('i586'), of('x86_64')]).toEqual(['present', 'present', 'absent'])
  })

  it('is compared including its epoch: a higher one is newer, whatever the version', () => {
    const of = (version: string, installed: string) =>
      presenceAmong(
        [installedPackage(installed)],
        { type: 'rpm', name: 'tool', version, operator: 'ge' },
        compareRpm,
      )
    expect(of('1:2.0-1', '1:1.0-1')).toBe('absent')
    expect(of('1:1.0-1', '0:5.0-1')).toBe('absent')
    expect(of('5.0-1', '1:1.0-1')).toBe('present')
    expect(of('2.0', '0:2.0-3')).toBe('present')
  })

  it('matches its full name or name.arch only: rpm also matches foo-1 to version 1 of foo', () => {
    const text = 'foo\tnoarch\t0:1-1\nfoo-1\tx86_64\t0:3-1\n'
    expect(parseRpmPackages(text, 'foo-1').map(({ version }) => version)).toEqual(['0:3-1'])
    expect(parseRpmPackages(text, 'foo-1.x86_64')).toHaveLength(1)
    expect(parseRpmPackages('foo\tnoarch\t0:1-1\n', 'Foo')).toEqual([])
  })
})
