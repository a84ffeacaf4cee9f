/**
 * Two PCs, one identity (a disk was copied): which of them keeps it? Pure. The hardware under an identity is remembered in
 * the order in which it was first seen. Other hardware alone is a repair; only hardware that had been replaced and is back,
 * or two that live at the same time, are two PCs.
 */

/** `owner`: the identity belongs to it. `former`: replaced, as far as is known. `twin`: another PC, to be split off. */
export type Standing = 'owner' | 'former' | 'twin'
export type KnownHardware = { readonly hardware_id: string; readonly standing: Standing }
export type Verdict = {
  /** Who is to become a device of its own; null: nobody. */
  split: 'newcomer' | 'older' | null
  /** What is known from now on; the same list when nothing is new. */
  known: readonly KnownHardware[]
  news: 'replaced' | 'returned' | null
}

/** More is forgotten, oldest twins first: a copy that is forgotten is still told apart when both live. */
const KNOWN_LIMIT = 64

function bounded(known: readonly KnownHardware[]): readonly KnownHardware[] {
  const kept = [...known]
  while (kept.length > KNOWN_LIMIT) {
    const oldestTwin = kept.findIndex(({ standing }) => standing === 'twin')
    const oldest = kept.findIndex(({ standing }) => standing !== 'owner')
    kept.splice(oldestTwin >= 0 ? oldestTwin : oldest, 1)
  }
  return kept
}

/** Marks `hardwareId` as a twin, adding it where it is new. The owner stays what it is. */
function withTwin(known: readonly KnownHardware[], hardwareId: string | null) {
  const found = known.find(({ hardware_id }) => hardware_id === hardwareId)
  if (hardwareId === null || found?.standing === 'owner' || found?.standing === 'twin') return known
  const twin = { hardware_id: hardwareId, standing: 'twin' } as const
  return found ? known.map((entry) => (entry === found ? twin : entry)) : bounded([...known, twin])
}

/**
 * @param seen hardware of the newcomer, which has proved that it holds the identity; null: it cannot be told
 * @param older the one that holds the identity and has just shown that it lives; null: there is none
 */
export function judge(
  known: readonly KnownHardware[],
  seen: string | null,
  older: { hardwareId: string | null } | null,
): Verdict {
  const nothing: Verdict = { split: older ? 'newcomer' : null, known, news: null }
  // Nothing to tell them apart by: the one that was there first keeps it.
  if (seen === null || seen === older?.hardwareId) return nothing
  const at = known.findIndex(({ hardware_id }) => hardware_id === seen)
  // So much hardware has no PC: an agent that invents it must not fill the audit trail.
  const isTold = known.length < KNOWN_LIMIT
  switch (known[at]?.standing) {
    case 'twin':
      return { split: 'newcomer', known, news: null }
    case 'owner':
      return older
        ? { split: 'older', known: withTwin(known, older.hardwareId), news: null }
        : nothing
    case 'former': {
      // It had not been replaced: whatever came after it is another PC.
      const now = known.map(({ hardware_id, standing }, i): KnownHardware => ({
        hardware_id,
        standing: i < at ? standing : i === at ? 'owner' : 'twin',
      }))
      return {
        split: older ? 'older' : null,
        known: older ? withTwin(now, older.hardwareId) : now,
        news: isTold ? 'returned' : null,
      }
    }
    case undefined:
      if (older) return { split: 'newcomer', known: withTwin(known, seen), news: null }
      return {
        split: null,
        known: bounded([
          ...known.map((entry): KnownHardware =>
            entry.standing === 'owner' ? { ...entry, standing: 'former' } : entry,
          ),
          { hardware_id: seen, standing: 'owner' },
        ]),
        news: isTold && known.some(({ standing }) => standing === 'owner') ? 'replaced' : null,
      }
  }
}
