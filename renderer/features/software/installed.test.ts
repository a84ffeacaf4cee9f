import { describe, expect, it } from 'vitest'
import { SpreadSoftware, ReportedSoftware } from '#shared/contract/inventory.ts'
import {
  compareVersions,
  coverageInWords,
  coverageOf,
  groupPrograms,
  programName,
  rowsOf,
} from './installed.ts'
import { aDevice } from '../../test-kit.ts'

const found = (name: string, version: string | null, device_ids: number[], more: object = {}) =>
  SpreadSoftware.parse({ source: 'registry', name, version, publisher: null, device_ids, ...more })

describe('the name of a program', () => {
  it.each([
    ['7-Zip 24.08 (x64)', '24.08', '7-Zip'],
    ['7-Zip 24.08 (x64 edition)', '24.08.00.0', '7-Zip'],
    ['Mozilla Firefox 128.0.1 (x64 de)', '128.0.1', 'Mozilla Firefox'],
    ['Notepad++ (64-bit x64)', '8.6.4', 'Notepad++'],
    ['Git 2.45.1 x64', '2.45.1', 'Git'],
    ['x64dbg (unpacked)', '1.0', 'x64dbg (unpacked)'],
    [
      'Microsoft Visual C++ 2015-2022 Redistributable (x64) - 14.38.33135',
      '14.38.33135.0',
      'Microsoft Visual C++ 2015-2022 Redistributable',
    ],
    ['Python 3.12.4 (64-bit)', '3.12.4150.0', 'Python'],
    ['TortoiseGit v2.15.0 version', '2.15.0.0', 'TortoiseGit'],
    ['VLC media player', '3.0.21', 'VLC media player'],
    // A year, or the version of something else, is part of the name.
    ['Office 2021', '16.0.17328', 'Office 2021'],
    ['Adapter for SQL 11.2', '4.1', 'Adapter for SQL 11.2'],
    ['12.1', '12.1', '12.1'],
    ['libfoo2', '1:2.10-3', 'libfoo2'],
  ])('%s with version %s is %s', (name, version, program) =>
    expect(programName({ name, version })).toBe(program),
  )
  it('is unchanged when the version is unknown', () =>
    expect(programName({ name: 'Tool 3.1', version: null })).toBe('Tool 3.1'))
})

describe('versions', () => {
  it.each([
    ['3.0.9', '3.0.21'],
    ['3.0', '3.0.1'],
    ['24.08', '24.09'],
    ['128.0b3', '128.0'],
    ['1.0~rc1-1', '1.0-1'],
    ['1.0-rc.2', '1.0'],
    ['1.0', '1.0a'],
    ['9.9', '1:0.1'],
    ['2.10-3', '2.10-3+deb12u1'],
    ['2.10-3', '2.10-3+b1'],
    ['99999999999999999998', '99999999999999999999'],
  ])('%s came before %s', (older, newer) => {
    expect(compareVersions(older, newer)).toBeLessThan(0)
    expect(compareVersions(newer, older)).toBeGreaterThan(0)
  })
  it.each([
    ['3.0', '3.0.0'],
    ['0:2.1', '2.1'],
    ['1.01', '1.1'],
  ])('%s is the same as %s', (a, b) => {
    expect(compareVersions(a, b) + compareVersions(b, a)).toBe(0)
    expect(Math.abs(compareVersions(a, b))).toBe(0)
  })
})

describe('search results', () => {
  it('are programs with their versions, newest first, and the PCs that are behind', () => {
    const [zip] = groupPrograms([
      found('7-Zip 9.20 (x64 edition)', '9.20', [3]),
      found('7-Zip 24.08 (x64)', '24.08', [1, 2], { publisher: 'Igor Pavlov' }),
      found('7-Zip 23.01 (x64)', '23.01', [2, 4]),
    ])
    expect(zip).toMatchObject({ name: '7-Zip', publisher: 'Igor Pavlov' })
    expect(zip?.versions.map((v) => [v.version, v.age, v.deviceIds])).toEqual([
      ['24.08', 'newest', [1, 2]],
      ['23.01', 'older', [2, 4]],
      ['9.20', 'older', [3]],
    ])
    // PC 2 has both versions.
    expect(zip?.deviceIds).toEqual([1, 2, 4, 3])
    expect(zip?.behindIds).toEqual([2, 4, 3])
  })
  it('list the programs with the most outdated PCs first', () => {
    const programs = groupPrograms([
      found('Everywhere', '1', [1, 2, 3]),
      found('Somewhere', '1', [1]),
      found('Behind', '1.0', [1]),
      found('Behind', '2.0', [2]),
    ])
    expect(programs.map((p) => p.name)).toEqual(['Behind', 'Everywhere', 'Somewhere'])
  })
  it('separate programs of different systems, whose versions cannot be compared', () =>
    expect(
      groupPrograms([
        found('vlc', '3.0.21-1', [1], { source: 'dpkg' }),
        found('VLC', '3.0.20', [2]),
      ]),
    ).toHaveLength(2))
  it('merge entries with the same name', () => {
    const [one, ...others] = groupPrograms([
      found('Tool', '1', [1, 2], { publisher: 'A' }),
      found('TOOL', '1', [2, 3], { publisher: 'B' }),
    ])
    expect(others).toEqual([])
    expect(one?.versions).toMatchObject([{ version: '1', deviceIds: [1, 2, 3] }])
  })
  it('do not rank an unknown version', () => {
    const [one] = groupPrograms([found('Tool', null, [1]), found('Tool', '2', [2])])
    expect(one?.versions.map((v) => [v.version, v.age])).toEqual([
      ['2', 'newest'],
      [null, 'unknown'],
    ])
    expect(one?.behindIds).toEqual([])
  })
  it('have one row for a program with one version, else a header row and one row per version', () => {
    const rows = rowsOf(
      groupPrograms([found('A', '1', [1]), found('A', '2', [2]), found('B', '1', [1])]),
    )
    expect(rows.map((r) => [r.row, r.program.name, r.version?.version, r.isHead])).toEqual([
      [0, 'A', undefined, true],
      [1, 'A', '2', false],
      [2, 'A', '1', false],
      [3, 'B', '1', true],
    ])
  })
})

describe('packages', () => {
  it.each([
    // For rpm ^ sorts after the end of a version; for dpkg a letter does.
    ['rpm', '1.0^git1-1', '1.0-1'],
    ['dpkg', '1.0+b1', '1.0'],
    ['rpm', '1:1.0-1', '9.0-1'],
  ])('of %s use its own version order: %s is newer than %s', (source, newer, older) => {
    const [program] = groupPrograms([
      found('tool', older, [1], { source }),
      found('tool', newer, [2], { source }),
    ])
    expect(program!.versions.map(({ version }) => version)).toEqual([newer, older])
  })
})

describe('the inventory coverage', () => {
  const reported = (device_id: number, complete = true) =>
    ReportedSoftware.parse({ device_id, collected_at: '2026-11-23T10:00:00.000Z', complete })
  const pc = (id: number, online = true) => aDevice({ id, name: `PC-${id}`, online })

  it('lists PCs without inventory, and counts those that may have changed since', () => {
    const coverage = coverageOf(
      [pc(1), pc(2, false), pc(10), pc(9, false), pc(4)],
      [reported(1), reported(2), reported(4, false), reported(77)],
    )
    expect(coverage).toMatchObject({ known: 3, total: 5, offline: 1, incomplete: 1 })
    expect(coverage.unknown.map((d) => d.name)).toEqual(['PC-9', 'PC-10'])
    expect(coverageInWords(coverage)).toBe(
      '3 of 5 PCs have reported their software; 1 of them is offline and may have changed since; 1 has more entries than are stored.',
    )
  })
  it('is described when all PCs are known', () =>
    expect(coverageInWords(coverageOf([pc(1), pc(2)], [reported(1), reported(2)]))).toBe(
      'All 2 PCs have reported their software.',
    ))
  it('is described when no PC is known', () =>
    expect(coverageInWords(coverageOf([pc(1)], []))).toBe('0 of 1 PC has reported its software.'))
})
