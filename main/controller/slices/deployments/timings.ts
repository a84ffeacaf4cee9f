/** Timeouts and limits of the engine, in milliseconds. Only tests change them. */
import { ACK_TIMEOUT_MS, CONNECT_GRACE_MS, LEASE_MS } from '#shared/domain/defaults.ts'

export const ENGINE_TIMINGS = {
  leaseMs: LEASE_MS,
  ackTimeoutMs: ACK_TIMEOUT_MS,
  /** Time for an agent to accept an attempt, from its first sending over all repeats. */
  offerTimeoutMs: 5 * 60_000,
  /** After a start of the controller: agents get this long to reconnect and report before passed deadlines count. */
  returnGraceMs: CONNECT_GRACE_MS,
  /** Time between two sendings of the same attempt. */
  offerRetryMs: 5_000,
  /** Ask a device on battery or on a metered network again after this long. Short: someone may just have plugged it in. */
  heldRetryMs: 25_000,
  /** Ask a device that reported busy again after this long. */
  busyRetryMs: 30_000,
  /** The longest a download may take, even if it reports progress. */
  downloadLimitMs: 24 * 3_600_000,
  /** Added to the installer's own timeout, which the agent enforces. */
  installGraceMs: 5 * 60_000,
  /** Repeat an unanswered request to stop after this long. */
  cancelAgainMs: 30_000,
  /** Delay before another attempt after "another installation is running", … */
  retryLaterMs: 60_000,
  /** … for at most this long after the first such result. */
  retryLaterLimitMs: 60 * 60_000,
  /** Repeat an unanswered restart order, or its withdrawal, after this long. */
  restartAgainMs: 30_000,
  /** Repeat an order that was refused by a busy PC after this long. */
  restartBusyMs: 30_000,
  /** Withdraw an order this long after the end of its notice, if the PC is online and was not restarted. */
  restartOverdueMs: 15 * 60_000,
  /** Give up a restart this long after the end of its notice, if a connected agent answers neither order nor withdrawal. */
  restartSilentMs: 30 * 60_000,
  /** Wait this long for a PC that went down to restart … */
  restartReturnMs: 24 * 3_600_000,
  /** … and treat it as busy for this long: other deployments wait for it until then. */
  restartBusyForMs: 30 * 60_000,
  /** Give up a pending restart after this long without a blocker in its deployment, … */
  restartReadyLimitMs: 24 * 3_600_000,
  /** … and after this long in any case. */
  restartLimitMs: 14 * 24 * 3_600_000,
  /** The most that one run of the engine writes, so that nothing else waits long. */
  actionsPerRun: 200,
  /** Look at every active deployment at least this often. */
  heartbeatMs: 5_000,
  /** One run handles all events within this time. */
  coalesceMs: 25,
  /** How long a report waits for others, so that one commit serves many. */
  batchMs: 15,
  batchSize: 200,
}
export type EngineTimings = typeof ENGINE_TIMINGS
