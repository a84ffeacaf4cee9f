import { describe, expect, it } from 'vitest'
import { SoftwareId } from '#shared/domain/ids.ts'
import {
  allDependenciesOf,
  mayDependOn,
  missingDependencies,
  withDependencies,
} from './dependencies.ts'
import { aSoftware } from '../../test-kit.ts'

/** Office (1) needs a runtime (2), which needs a patch (3); the patch needs removed software. */
const library = new Map(
  [
    aSoftware({ id: 1, name: 'Office', depends_on: [2] }),
    aSoftware({ id: 2, name: 'Runtime', depends_on: [3] }),
    aSoftware({ id: 3, name: 'Patch', depends_on: [99] }),
    aSoftware({ id: 4, name: 'VLC' }),
  ].map((s) => [s.id, s]),
)
const ids = (...numbers: number[]) => numbers.map((n) => SoftwareId.parse(n))
const [office, runtime, , vlc] = ids(1, 2, 3, 4) as [SoftwareId, SoftwareId, SoftwareId, SoftwareId]

describe('software dependencies', () => {
  it('are listed in installation order, including indirect ones, without removed software', () =>
    expect(allDependenciesOf(office, library)).toEqual(ids(3, 2)))
  it('are reported missing once, for the first selected software that needs them', () => {
    expect(missingDependencies(ids(1, 2), library)).toEqual([{ by: office, missing: ids(3) }])
    expect(missingDependencies(ids(4), library)).toEqual([])
  })
  it('are placed before the software that needs them', () =>
    expect(withDependencies(ids(4, 1, 2), library)).toEqual(ids(4, 3, 2, 1)))
  it('must not be circular', () => {
    expect(mayDependOn(runtime, office, library)).toBe(false)
    expect(mayDependOn(office, office, library)).toBe(false)
    expect(mayDependOn(office, vlc, library)).toBe(true)
  })
  it('terminate on a cycle', () => {
    const loop = new Map(
      [aSoftware({ id: 1, depends_on: [2] }), aSoftware({ id: 2, depends_on: [1] })].map((s) => [
        s.id,
        s,
      ]),
    )
    expect(allDependenciesOf(office, loop)).toEqual(ids(2))
  })
})
