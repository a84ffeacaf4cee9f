/**
 * Native notifications: a deployment ended or was paused by failures, and once that closing the
 * window stops nothing.
 */
import { Notification } from 'electron'
import type { DeploymentCompleted, DeploymentPaused } from '#shared/contract/feed.ts'
import type { DeploymentId } from '#shared/domain/ids.ts'
import { completionNotice, pauseNotice } from './words.ts'
import { t } from './texts.ts'

/** A notification without a reference is garbage-collected, and its click is lost. */
const MAX_HELD = 20

export type Notices = ReturnType<typeof createNotices>

/**
 * @param icon picture beside the text; Windows and macOS use the app's own
 * @param isWanted the user's setting; one-time notices ignore it
 */
export function createNotices(deps: {
  icon: string
  isWanted: () => boolean
  /** Whether the desktop accepts notifications now. */
  canShow: () => Promise<boolean>
  onOpen: (deployment: DeploymentId | null) => void
}) {
  let held: Notification[] = []

  async function show(title: string, body: string, onClick: () => void): Promise<void> {
    if (!(await deps.canShow())) return
    const notice = new Notification({
      title,
      body,
      ...(process.platform === 'linux' && { icon: deps.icon }),
    })
    const forget = (): void => void (held = held.filter((other) => other !== notice))
    notice.on('click', () => {
      forget()
      onClick()
    })
    notice.on('close', forget)
    notice.on('failed', forget)
    held = [...held, notice].slice(-MAX_HELD)
    notice.show()
  }

  return {
    completed(ended: DeploymentCompleted): void {
      if (!deps.isWanted()) return
      const { title, body } = completionNotice(ended)
      void show(title, body, () => deps.onOpen(ended.deployment_id))
    },
    paused(event: DeploymentPaused): void {
      if (!deps.isWanted()) return
      const { title, body } = pauseNotice(event)
      void show(title, body, () => deps.onOpen(event.deployment_id))
    },
    explainTray(): void {
      void show(
        t('notice.keepsRunning'),
        process.platform === 'darwin' ? t('notice.inMenuBar') : t('notice.inTray'),
        () => deps.onOpen(null),
      )
    },
  }
}
