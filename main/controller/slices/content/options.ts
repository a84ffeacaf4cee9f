/** Limits and times of the content store. */
import { MAX_PARALLEL_DOWNLOADS } from '#shared/domain/defaults.ts'

export const CONTENT_OPTIONS = {
  /** Space that stays free on the disk for the database. */
  reserveBytes: 64 * 1024 * 1024,
  parallelDownloads: MAX_PARALLEL_DOWNLOADS,
  /** Downloads that may queue. */
  queuedDownloads: 1_000,
  /** Shorter than clients wait for an answer. */
  queueWaitMs: 10_000,
  stallMs: 60_000,
  retryAfterSeconds: 5,
  /** Blocks of 1 MiB for what is being sent, and what was sent last. */
  cacheBlocks: 2 * MAX_PARALLEL_DOWNLOADS,
}
export type ContentOptions = typeof CONTENT_OPTIONS
