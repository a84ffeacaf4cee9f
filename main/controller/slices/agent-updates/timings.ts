export type UpdateTimings = {
  /** Between two checks of the fleet. */
  lookMs: number
  /** Until a device gets another order after a failure. */
  retryMs: number
  /** Until a device gets another order after it was busy or did not answer. */
  askAgainMs: number
  /**
   * An accepted order without a report expires after this long. The agent itself gives up sooner.
   */
  resultMs: number
}
export const UPDATE_TIMINGS: UpdateTimings = {
  lookMs: 15_000,
  retryMs: 3_600_000,
  askAgainMs: 120_000,
  resultMs: 4 * 3_600_000,
}
