/** The state of the controller's keys in words. */
import type { ControllerIdentityView } from '#shared/contract/rest/controller-routes.ts'
import { formatCount, formatRelative } from '../../ui/lib/format.ts'
import { t } from './texts.ts'

type Keys = Pick<ControllerIdentityView, 'changed_at' | 'recovery_saved' | 'recovery_saved_at'>
type Note = { title: string; text: string }

/** After a key change: "38 of 40 PCs use the new keys; the others switch when they reconnect." */
export function followedInWords({
  devices_followed: followed,
  devices_total: total,
}: Pick<ControllerIdentityView, 'devices_followed' | 'devices_total'>): string {
  if (total === 0) return t('identity.noPcs')
  if (followed >= total) return t('identity.allFollowed', { n: total })
  if (followed === 0) return t('identity.noneFollowed', { n: total })
  return t(total - followed === 1 ? 'identity.allButOneFollowed' : 'identity.someFollowed', {
    n: followed,
    total: formatCount(total),
  })
}

/** The age of the keys and the recovery file, and a note if the file is missing or older than the keys. */
export function recoveryInWords(
  { changed_at, recovery_saved, recovery_saved_at }: Keys,
  nowMs: number,
): { changed: string; saved: string; note: Note | null } {
  const at = (iso: string) => formatRelative(iso, nowMs)
  const changed = changed_at === null ? t('identity.neverChanged') : at(changed_at)
  if (!recovery_saved)
    return {
      changed,
      saved: t('identity.neverSaved'),
      note: {
        title: t('identity.noFile'),
        text: t('identity.noFileText'),
      },
    }
  const saved =
    recovery_saved_at === null
      ? t('identity.saved')
      : t('identity.savedAt', { time: at(recovery_saved_at) })
  const isOutdated =
    changed_at !== null && (recovery_saved_at === null || recovery_saved_at < changed_at)
  return {
    changed,
    saved: isOutdated ? t('identity.outdated', { saved }) : saved,
    note: isOutdated
      ? {
          title: t('identity.outdatedTitle'),
          text: t('identity.outdatedText'),
        }
      : null,
  }
}
