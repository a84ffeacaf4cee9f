/**
 * The desktop's own sentences. Names come from users and agents: bounded, plain text, never markup.
 * Pure.
 */
import type { DeploymentCompleted, DeploymentPaused } from '#shared/contract/feed.ts'
import { t } from './texts.ts'

/**
 * Notification servers and menus truncate in their own ways, so names are truncated here, visibly.
 */
export const MAX_NAME_LENGTH = 60
const MAX_SENTENCE_LENGTH = 200

/**
 * Untrusted text as one line: no control or invisible characters (they can reverse the text
 * direction), no broken surrogates, at most `max` characters.
 */
export function plainText(text: string, max = MAX_NAME_LENGTH): string {
  const clean = text
    .replace(/\p{Cs}/gu, '\u{fffd}')
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim()
  const characters = Array.from(clean)
  return characters.length <= max
    ? clean
    : `${characters
        .slice(0, max - 1)
        .join('')
        .trimEnd()}…`
}

/** In menus `&` marks the shortcut letter. */
export const menuText = (text: string): string => text.replaceAll('&', '&&')

/** "31 completed, 1 failed": zero counts are omitted. */
export function countsInWords(
  counts: Pick<DeploymentCompleted, 'action' | 'success_count' | 'failure_count' | 'skipped_count'>,
): string {
  const { success_count, failure_count, skipped_count } = counts
  const texts = [
    success_count > 0 ? t('counts.completed', { n: success_count }) : '',
    failure_count > 0 ? t('counts.failed', { n: failure_count }) : '',
    skipped_count > 0 ? t('counts.skipped', { n: skipped_count }) : '',
  ].filter(Boolean)
  if (texts.length > 0) return texts.join(', ')
  return counts.action === 'uninstall' ? t('counts.nothingRemoved') : t('counts.nothingInstalled')
}

/** Title and body of the notification about the end of a deployment. */
export function completionNotice(ended: DeploymentCompleted): { title: string; body: string } {
  const counts = countsInWords(ended)
  const isCanceled = ended.status === 'canceled'
  const title = plainText(ended.deployment_name)
  // A user-chosen name would not reveal that it was a removal.
  if (ended.action === 'uninstall')
    return {
      title,
      body: isCanceled ? t('notice.removalCancelled', { counts }) : t('notice.removal', { counts }),
    }
  return { title, body: isCanceled ? t('notice.cancelled', { counts }) : counts }
}

/** Title and body of the notification about a deployment that was paused by failures. */
export const pauseNotice = (paused: DeploymentPaused): { title: string; body: string } => ({
  title: plainText(paused.deployment_name),
  body: plainText(t('notice.paused', { message: paused.message }), MAX_SENTENCE_LENGTH),
})

/** "3 of 5 PCs online" */
export function pcsInWords(online: number, total: number): string {
  return total === 0 ? t('pcs.none') : t('pcs.online', { online, n: total })
}

/** What quitting means while installers run. */
export const quitWarning = (runningTargets: number): { message: string; detail: string } => ({
  message: t('quitting.question', { n: runningTargets }),
  detail: t('quitting.detail', { n: runningTargets }),
})
