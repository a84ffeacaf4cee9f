/** What is said while the screen is refreshed from time to time, because nothing tells it of changes. */
export const refreshInWords = (how: { everySeconds: number; isBlocked: boolean }): string =>
  how.isBlocked
    ? `Live updates are blocked, probably by a proxy or a virus scanner. This page refreshes every ${how.everySeconds} seconds instead.`
    : `Live updates are not connected. This page refreshes every ${how.everySeconds} seconds until they are.`
