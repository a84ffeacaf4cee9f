/**
 * Duplicate identity (a disk was cloned): which PC keeps it? Pure. The hardware seen under an
 * identity is remembered in the order of its first appearance. New hardware alone is a repair.
 * There are two PCs only if replaced hardware returns, or if two are online at the same time.
 */

/**
 * `owner`: the identity belongs to it. `former`: replaced, as far as is known. `twin`: another PC,
 * to be separated.
 */
export type HardwareRole = 'owner' | 'former' | 'twin'
export type KnownHardware = { readonly hardware_id: string; readonly role: HardwareRole }
export type Verdict = {
  /** The PC that has to become a separate device; null: none. */
  split: 'newcomer' | 'older' | null
  /** What is known from now on; the same list if nothing changed. */
  known: readonly KnownHardware[]
  news: 'replaced' | 'returned' | null
}

/**
 * Beyond this, entries are dropped, oldest duplicates first: a dropped clone is still detected
 * while both are online.
 */
const KNOWN_LIMIT = 64

function bounded(known: readonly KnownHardware[]): readonly KnownHardware[] {
  const kept = [...known]
  while (kept.length > KNOWN_LIMIT) {
    const oldestDuplicate = kept.findIndex(({ role }) => role === 'twin')
    const oldest = kept.findIndex(({ role }) => role !== 'owner')
    kept.splice(oldestDuplicate >= 0 ? oldestDuplicate : oldest, 1)
  }
  return kept
}

/** Marks `hardwareId` as a duplicate, adding it if it is new. An owner stays one. */
function withDuplicate(known: readonly KnownHardware[], hardwareId: string | null) {
  const found = known.find(({ hardware_id }) => hardware_id === hardwareId)
  if (hardwareId === null || found?.role === 'owner' || found?.role === 'twin') return known
  const duplicate = { hardware_id: hardwareId, role: 'twin' } as const
  return found
    ? known.map((entry) => (entry === found ? duplicate : entry))
    : bounded([...known, duplicate])
}

/**
 * @param seen hardware of the newcomer, which has proved that it holds the identity; null: unknown
 * @param older the PC that holds the identity and has just responded; null: there is none
 */
export function judge(
  known: readonly KnownHardware[],
  seen: string | null,
  older: { hardwareId: string | null } | null,
): Verdict {
  const nothing: Verdict = { split: older ? 'newcomer' : null, known, news: null }
  // Nothing distinguishes them: the one that was there first keeps the identity.
  if (seen === null || seen === older?.hardwareId) return nothing
  const at = known.findIndex(({ hardware_id }) => hardware_id === seen)
  // No PC has this much hardware: an agent that invents it must not fill the audit log.
  const isReported = known.length < KNOWN_LIMIT
  switch (known[at]?.role) {
    case 'twin':
      return { split: 'newcomer', known, news: null }
    case 'owner':
      return older
        ? { split: 'older', known: withDuplicate(known, older.hardwareId), news: null }
        : nothing
    case 'former': {
      // It had not been replaced: everything that came after it is another PC.
      const now = known.map(({ hardware_id, role }, i): KnownHardware => ({
        hardware_id,
        role: i < at ? role : i === at ? 'owner' : 'twin',
      }))
      return {
        split: older ? 'older' : null,
        known: older ? withDuplicate(now, older.hardwareId) : now,
        news: isReported ? 'returned' : null,
      }
    }
    case undefined:
      if (older) return { split: 'newcomer', known: withDuplicate(known, seen), news: null }
      return {
        split: null,
        known: bounded([
          ...known.map((entry): KnownHardware =>
            entry.role === 'owner' ? { ...entry, role: 'former' } : entry,
          ),
          { hardware_id: seen, role: 'owner' },
        ]),
        news: isReported && known.some(({ role }) => role === 'owner') ? 'replaced' : null,
      }
  }
}
