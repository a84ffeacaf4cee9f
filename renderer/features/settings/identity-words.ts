/** The state of the controller's keys in words. */
import type { ControllerIdentityView } from '#shared/contract/rest/controller-routes.ts'
import { countOf, formatRelative } from '../../ui/lib/format.ts'

type Keys = Pick<ControllerIdentityView, 'changed_at' | 'recovery_saved' | 'recovery_saved_at'>
type Note = { title: string; text: string }

/** After a key change: "38 of 40 PCs have been here since; the others follow when they come back." */
export function followedInWords({
  devices_followed: followed,
  devices_total: total,
}: Pick<ControllerIdentityView, 'devices_followed' | 'devices_total'>): string {
  if (total === 0) return 'there are no PCs yet'
  if (followed >= total)
    return total === 1 ? 'the one PC has been here since' : `all ${total} PCs have been here since`
  if (followed === 0)
    return total === 1
      ? 'the one PC has not been here since; it follows when it comes back'
      : `none of the ${total} PCs has been here since; they follow when they come back`
  const rest =
    total - followed === 1 ? 'the other follows when it comes' : 'the others follow when they come'
  return `${followed} of ${countOf(total, 'PC')} ${followed === 1 ? 'has' : 'have'} been here since; ${rest} back`
}

/** The age of keys and recovery file, and a note if losing this computer would mean enrolling every PC again. */
export function recoveryInWords(
  { changed_at, recovery_saved, recovery_saved_at }: Keys,
  nowMs: number,
): { changed: string; saved: string; note: Note | null } {
  const at = (iso: string) => formatRelative(iso, nowMs)
  const changed = changed_at === null ? 'never, since the first start' : at(changed_at)
  if (!recovery_saved)
    return {
      changed,
      saved: 'never saved',
      note: {
        title: 'No recovery file has been saved',
        text: 'If this computer breaks or is stolen, every PC has to be enrolled again. Save one and keep it somewhere else.',
      },
    }
  const saved = recovery_saved_at === null ? 'saved' : `saved ${at(recovery_saved_at)}`
  const isOutdated =
    changed_at !== null && (recovery_saved_at === null || recovery_saved_at < changed_at)
  return {
    changed,
    saved: isOutdated ? `${saved}, before the keys were changed` : saved,
    note: isOutdated
      ? {
          title: 'The recovery file is older than the keys',
          text: 'With it another computer could go on only by making new keys. Save it again.',
        }
      : null,
  }
}
