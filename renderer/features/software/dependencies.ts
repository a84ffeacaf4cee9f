/** Dependencies between library entries. Pure. */
import type { Software } from '#shared/contract/rest/software.ts'
import type { SoftwareId } from '#shared/domain/ids.ts'

type Library = ReadonlyMap<SoftwareId, Pick<Software, 'id' | 'name' | 'depends_on'>>

/** All dependencies, including indirect ones, in installation order. Removed software is left out. */
export function allDependenciesOf(id: SoftwareId, library: Library): SoftwareId[] {
  const found: SoftwareId[] = []
  const seen = new Set<SoftwareId>([id])
  const visit = (one: SoftwareId) => {
    for (const needed of library.get(one)?.depends_on ?? []) {
      if (seen.has(needed) || !library.has(needed)) continue
      seen.add(needed)
      visit(needed)
      found.push(needed)
    }
  }
  visit(id)
  return found
}

export type MissingDependency = { by: SoftwareId; missing: SoftwareId[] }
/** The chosen software with dependencies that were not chosen; each missing one is listed once. */
export function missingDependencies(
  chosen: readonly SoftwareId[],
  library: Library,
): MissingDependency[] {
  const covered = new Set(chosen)
  return chosen.flatMap((by) => {
    const missing = allDependenciesOf(by, library).filter((id) => !covered.has(id))
    missing.forEach((id) => covered.add(id))
    return missing.length > 0 ? [{ by, missing }] : []
  })
}

/** The chosen software with all dependencies, each before the software that needs it. */
export const withDependencies = (chosen: readonly SoftwareId[], library: Library): SoftwareId[] => [
  ...new Set(chosen.flatMap((id) => [...allDependenciesOf(id, library), id])),
]

/** Whether `id` may depend on `other`: not on itself, and not on something that depends on it. */
export const mayDependOn = (id: SoftwareId, other: SoftwareId, library: Library): boolean =>
  id !== other && !allDependenciesOf(other, library).includes(id)
