/** Versions of one product in the library: the newest one, with the older ones folded under it. Pure. */
import type { Installer, Software } from '#shared/contract/rest/software.ts'
import type { SoftwareId } from '#shared/domain/ids.ts'
import { compareDeb, compareDotted, compareRpm } from '#shared/domain/versions.ts'

/** Software that is shown on its own, and its older versions, newest first. */
export type Folded = { head: Software; older: Software[] }

type Order = (a: Software, b: Software) => number

/** Above 0: `a` is the newer one. An entry without a version is older than all. One order for all versions of a product. */
function orderOf(versions: readonly Software[]): Order {
  const kinds = new Set(versions.flatMap(({ installers }) => installers.map(({ kind }) => kind)))
  const compare = kinds.has('deb') ? compareDeb : kinds.has('rpm') ? compareRpm : compareDotted
  return (a, b) =>
    a.version === '' || b.version === ''
      ? Number(a.version !== '') - Number(b.version !== '')
      : compare(a.version, b.version)
}
const newestFirst =
  (order: Order) =>
  (a: Software, b: Software): number =>
    order(b, a) || Date.parse(b.created_at) - Date.parse(a.created_at)

const isForSamePcs = (a: Installer, b: Installer): boolean =>
  a.platform === b.platform && (a.arch === b.arch || a.arch === 'any' || b.arch === 'any')
/** Whether some PC could get either of them. */
const shareSomePc = (a: Software, b: Software): boolean =>
  a.installers.some((one) => b.installers.some((other) => isForSamePcs(one, other)))

/** Other entries of the same product, by its stable identity, newest first. */
export function otherVersions(software: Software, library: readonly Software[]): Software[] {
  const { id, product_id } = software
  const others = library.filter(
    (other) => other.id !== id && product_id !== undefined && other.product_id === product_id,
  )
  return others.sort(newestFirst(orderOf([software, ...others])))
}

/** What a new entry is among the other entries of its product. */
export type Arrival = { place: 'newer' | 'older' | 'same'; newest: Software }

/** Null: the library has no other version for the same PCs. */
export function arrivalOf(software: Software, library: readonly Software[]): Arrival | null {
  const others = otherVersions(software, library)
  const newest = others.find((other) => shareSomePc(software, other))
  if (!newest || software.version === '' || newest.version === '') return null
  const order = orderOf([software, ...others])(software, newest)
  return { place: order > 0 ? 'newer' : order < 0 ? 'older' : 'same', newest }
}

/**
 * One row per product, in the order of the library. An older version is folded under the newest one that the same PCs could get:
 * an older 32-bit version stays visible if the newer one is for 64-bit PCs only.
 */
export function foldVersions(library: readonly Software[]): Folded[] {
  const products = new Map<string, Software[]>()
  for (const one of library) {
    const key = one.product_id ?? `software:${one.id}`
    products.set(key, [...(products.get(key) ?? []), one])
  }
  const rows = new Map<SoftwareId, Folded>()
  for (const one of library) rows.set(one.id, { head: one, older: [] })
  for (const versions of products.values()) {
    const order = orderOf(versions)
    const sorted = versions.toSorted(newestFirst(order))
    for (const one of sorted) {
      // Only versions that are not folded themselves are still in the rows.
      const newer = sorted.find(
        (other) =>
          rows.has(other.id) &&
          one.version !== '' &&
          order(other, one) > 0 &&
          shareSomePc(one, other),
      )
      if (!newer) continue
      rows.get(newer.id)!.older.push(one)
      rows.delete(one.id)
    }
  }
  return [...rows.values()]
}

/** The rows of a list in which some heads show their older versions. */
export const unfolded = (rows: readonly Folded[], open: ReadonlySet<SoftwareId>): Software[] =>
  rows.flatMap(({ head, older }) => (open.has(head.id) ? [head, ...older] : [head]))

/** Name and version. Many names hold the version already. */
export const titleOf = ({ name, version }: Pick<Software, 'name' | 'version'>): string =>
  version === '' || name.includes(version) ? name : `${name} ${version}`
