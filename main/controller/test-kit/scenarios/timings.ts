/**
 * Timeouts short enough for a table of a hundred rows; the logic is the same. The engine's are measured on the test's own
 * clock. An acknowledgement is awaited in real time, so it gets more.
 */
export const QUICK = {
  presence: { connectGraceMs: 0, offlineAfterMs: 0 },
  engine: {
    leaseMs: 1_200,
    ackTimeoutMs: 3_000,
    offerTimeoutMs: 5_000,
    offerRetryMs: 50,
    busyRetryMs: 50,
    downloadLimitMs: 3_500,
    installGraceMs: 500,
    cancelAgainMs: 300,
    retryLaterMs: 80,
    retryLaterLimitMs: 600,
    heartbeatMs: 100,
  },
}
/** The states of a target without any trouble. */
export const TAKEN = ['pending', 'downloading']
export const INSTALLING = [...TAKEN, 'installing']
export const DONE = [...INSTALLING, 'completed']
