/**
 * The desktop's own sentences. Names come from users and agents: bounded, plain text, never markup.
 * Pure.
 */
import type { DeploymentCompleted, DeploymentPaused } from '#shared/contract/feed.ts'

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
  const parts = [
    [counts.success_count, 'completed'],
    [counts.failure_count, 'failed'],
    [counts.skipped_count, 'skipped'],
  ] as const
  const texts = parts.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`)
  const nothing = counts.action === 'uninstall' ? 'nothing was removed' : 'nothing was installed'
  return texts.join(', ') || nothing
}

/** Title and body of the notification about the end of a deployment. */
export function completionNotice(ended: DeploymentCompleted): { title: string; body: string } {
  const counts = countsInWords(ended)
  const isCanceled = ended.status === 'canceled'
  // A user-chosen name would not reveal that it was a removal.
  const kind = ended.action === 'uninstall' ? `Removal${isCanceled ? ' cancelled' : ''}: ` : ''
  return {
    title: plainText(ended.deployment_name),
    body: `${kind || (isCanceled ? 'Cancelled: ' : '')}${counts}`,
  }
}

/** Title and body of the notification about a deployment that was paused by failures. */
export const pauseNotice = (paused: DeploymentPaused): { title: string; body: string } => ({
  title: plainText(paused.deployment_name),
  body: plainText(`Paused: ${paused.message} Open it to resume or cancel.`, MAX_SENTENCE_LENGTH),
})

/** "3 of 5 PCs online" */
export function pcsInWords(online: number, total: number): string {
  return total === 0 ? 'no PCs yet' : `${online} of ${total} ${total === 1 ? 'PC' : 'PCs'} online`
}

/** What quitting means while installers run. */
export function quitWarning(runningTargets: number): { message: string; detail: string } {
  const [what, goOn] =
    runningTargets === 1
      ? ['1 PC is at work', 'A running installer continues there, and its result arrives']
      : [
          `${runningTargets} installations or removals are running`,
          'Running installers continue, and their results arrive',
        ]
  return {
    message: `${what}. Quit DeployX?`,
    detail: `${goOn} when DeployX starts again. Nothing new starts until then.`,
  }
}
