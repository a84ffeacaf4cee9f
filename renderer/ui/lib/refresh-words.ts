/** The note shown while the screen is polled because the feed is not connected. */
export const refreshInWords = (how: { everySeconds: number; isBlocked: boolean }): string =>
  how.isBlocked
    ? `Live updates are blocked, probably by a proxy or a virus scanner. This page refreshes every ${how.everySeconds} seconds instead.`
    : `Live updates are not connected. This page refreshes every ${how.everySeconds} seconds until they are.`
