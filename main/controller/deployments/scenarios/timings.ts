/** Timeouts short enough for a table of a hundred rows; the logic is the same. */
export const QUICK = {
  presence: { connectGraceMs: 0, offlineAfterMs: 0 },
  engine: {
    leaseMs: 1_200,
    ackTimeoutMs: 700,
    offerPatienceMs: 2_500,
    offerRetryMs: 50,
    busyRetryMs: 50,
    downloadPatienceMs: 3_500,
    installGraceMs: 500,
    cancelAgainMs: 300,
    retryLaterMs: 80,
    retryLaterPatienceMs: 600,
    heartbeatMs: 100,
  },
}
/** The states of a target without any trouble. */
export const TAKEN = ['pending', 'downloading']
export const INSTALLING = [...TAKEN, 'installing']
export const DONE = [...INSTALLING, 'completed']
