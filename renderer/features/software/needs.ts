/** What software needs other software for. Pure. */
import type { Software } from '#shared/contract/rest/entities.ts'
import type { SoftwareId } from '#shared/domain/ids.ts'

type Library = ReadonlyMap<SoftwareId, Pick<Software, 'id' | 'name' | 'depends_on'>>

/** All that this one needs, through others too, what must come first before what needs it. What is gone is left out. */
export function allNeedsOf(id: SoftwareId, library: Library): SoftwareId[] {
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

export type MissingNeed = { by: SoftwareId; missing: SoftwareId[] }
/** Of what was chosen, what needs something that was not; each missing one is told once. */
export function missingNeeds(chosen: readonly SoftwareId[], library: Library): MissingNeed[] {
  const there = new Set(chosen)
  return chosen.flatMap((by) => {
    const missing = allNeedsOf(by, library).filter((id) => !there.has(id))
    missing.forEach((id) => there.add(id))
    return missing.length > 0 ? [{ by, missing }] : []
  })
}

/** The choice with all that it needs, each before what needs it. */
export const withNeeds = (chosen: readonly SoftwareId[], library: Library): SoftwareId[] => [
  ...new Set(chosen.flatMap((id) => [...allNeedsOf(id, library), id])),
]

/** Whether `id` may need `other`: not itself, and not what needs it already. */
export const mayNeed = (id: SoftwareId, other: SoftwareId, library: Library): boolean =>
  id !== other && !allNeedsOf(other, library).includes(id)
