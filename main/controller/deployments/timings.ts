/** How patient the engine is. Milliseconds. Tests shorten them, nothing else does. */
import { ACK_TIMEOUT_MS, CONNECT_GRACE_MS, LEASE_MS } from '#shared/domain/defaults.ts'

export const ENGINE_TIMINGS = {
  leaseMs: LEASE_MS,
  ackTimeoutMs: ACK_TIMEOUT_MS,
  /** From the first sending of an attempt to its acceptance, over all re-sendings. */
  offerPatienceMs: 5 * 60_000,
  /** After a start: deadlines that passed meanwhile are not judged before agents could come back and report. */
  returnGraceMs: CONNECT_GRACE_MS,
  /** Between two sendings of the same attempt. */
  offerRetryMs: 5_000,
  /** A device on battery, or on a metered network, is asked again after: short, for somebody has just plugged it in. */
  heldRetryMs: 25_000,
  /** A device that says it is busy is asked again after. */
  busyRetryMs: 30_000,
  /** The longest a download may take, whatever it says meanwhile. */
  downloadPatienceMs: 24 * 3_600_000,
  /** On top of the installer's own time-out, which the agent enforces. */
  installGraceMs: 5 * 60_000,
  /** An agent that was asked to stop is asked again after. */
  cancelAgainMs: 30_000,
  /** "Another installation is running" is answered with another attempt after, … */
  retryLaterMs: 60_000,
  /** … for so long since the first such answer. */
  retryLaterPatienceMs: 60 * 60_000,
  /** An agent that did not answer an order to restart, or its withdrawal, is told again after. */
  restartAgainMs: 30_000,
  /** A PC that is busy is ordered again after. */
  restartBusyMs: 30_000,
  /** So long after the end of its notice a PC that is there and was not restarted has its order withdrawn. */
  restartOverdueMs: 15 * 60_000,
  /** An agent that is there and answers neither order nor withdrawal is given up so long after the notice would have ended. */
  restartSilentMs: 30 * 60_000,
  /** A PC that went down is awaited for so long … */
  restartReturnMs: 24 * 3_600_000,
  /** … and counts as busy for so long: other deployments wait for it until then. */
  restartBusyForMs: 30 * 60_000,
  /** The longest that a restart stays owed once nothing of its deployment holds it back, … */
  restartPatienceMs: 24 * 3_600_000,
  /** … and whatever holds it back. */
  restartLimitMs: 14 * 24 * 3_600_000,
  /** What one run of the engine writes at most, so that nothing else waits long. */
  actionsPerRun: 200,
  /** The engine looks at everything that is active at least so often. */
  heartbeatMs: 5_000,
  /** Events within so long are answered by one run. */
  coalesceMs: 25,
  /** Reports wait so long for company, so that one commit serves many. */
  batchMs: 15,
  batchSize: 200,
}
export type EngineTimings = typeof ENGINE_TIMINGS
