/** The note shown while the screen is polled because the feed is not connected. */
import { t } from '../texts.ts'
export const refreshInWords = (how: { everySeconds: number; isBlocked: boolean }): string =>
  how.isBlocked
    ? t('refresh.blocked', { seconds: how.everySeconds })
    : t('refresh.polling', { seconds: how.everySeconds })
