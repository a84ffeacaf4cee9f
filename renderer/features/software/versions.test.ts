import { describe, expect, it } from 'vitest'
import type { Installer, Software } from '#shared/contract/rest/software.ts'
import { aSoftware } from '../../test-kit.ts'
import { arrivalOf, foldVersions, otherVersions, unfolded } from './versions.ts'

type Options = {
  product?: string
  arch?: Installer['arch']
  kind?: Installer['kind']
}
function entry(id: number, version: string, options: Options = {}): Software {
  const { product = 'uninstall_key:probe', arch = 'x64', kind = 'exe' } = options
  const [installer] = aSoftware({}).installers
  const own = { ...installer!, id, arch, kind, sha256: null }
  return aSoftware({
    id,
    name: `Probe ${version}`,
    version,
    product_id: product,
    installers: [own],
  })
}
/** The rows, each as its version and those of the folded entries. */
const rowsOf = (...library: Software[]) =>
  foldVersions(library).map(({ head, older }) => [head.version, ...older.map((s) => s.version)])

describe('versions of one product', () => {
  it('are folded under the newest one, newest first', () => {
    const rows = rowsOf(
      entry(1, '1.9'),
      entry(2, '1.10'),
      entry(3, '1.2'),
      entry(4, '5', { product: 'msix:x' }),
    )
    expect(rows).toEqual([['1.10', '1.9', '1.2'], ['5']])
  })

  it('stay visible if the newer one is for other PCs', () => {
    const rows = rowsOf(entry(1, '1', { arch: 'x86' }), entry(2, '1'), entry(3, '2'))
    expect(rows).toEqual([['1'], ['2', '1']])
    expect(rowsOf(entry(1, '1', { arch: 'x86' }), entry(2, '2', { arch: 'any' }))).toEqual([
      ['2', '1'],
    ])
  })

  it('are ordered as dpkg orders them, if they are Debian packages', () => {
    const deb = { kind: 'deb', product: 'dpkg:probe' } as const
    expect(rowsOf(entry(1, '2.0', deb), entry(2, '1:1.0', deb))).toEqual([['1:1.0', '2.0']])
  })

  it('are not folded if they are equal, have no version, or no product', () => {
    expect(rowsOf(entry(1, '1'), entry(2, '1.0'), entry(3, ''))).toEqual([['1'], ['1.0'], ['']])
    const unknown = [1, 2].map((id) => ({ ...entry(id, String(id)), product_id: undefined }))
    expect(rowsOf(...unknown)).toEqual([['1'], ['2']])
  })

  it('are shown below the newest one when that is opened', () => {
    const [first, second, other] = [entry(1, '1'), entry(2, '2'), entry(3, '1', { product: 'x' })]
    const folded = foldVersions([first, second, other])
    expect(unfolded(folded, new Set())).toEqual([second, other])
    expect(unfolded(folded, new Set([second.id]))).toEqual([second, first, other])
    expect(otherVersions(first, [first, second, other])).toEqual([second])
  })
})

describe('a new entry', () => {
  const library = [entry(1, '1'), entry(2, '2'), entry(3, '3', { arch: 'arm64' })]
  it.each([
    ['3', 'newer', '2'],
    ['1.5', 'older', '2'],
    ['2.0', 'same', '2'],
  ])('of version %s is %s than the newest for its PCs', (version, place, newest) => {
    const arrived = arrivalOf(entry(9, version), library)
    expect(arrived).toMatchObject({ place, newest: { version: newest } })
  })
  it('of another product, or without a version, is not compared', () => {
    expect(arrivalOf(entry(9, '3', { product: 'dpkg:probe' }), library)).toBeNull()
    expect(arrivalOf(entry(9, ''), library)).toBeNull()
  })
})
