/**
 * What the inspection of one file may use. Buffers are outside the heap that V8 limits, so the readers count them themselves
 * (see readers/window.ts). Together with the thread's own 30 MiB they stay below 256 MiB.
 */
export const INSPECTION_LIMITS = {
  /** Wall clock, so that the answer comes within 5 s. Starts again after every `progressMiB` that a streaming reader has read and unpacked. */
  timeMs: 4_500,
  progressMiB: 4,
  /** Even with progress. */
  wholeTimeMs: 10 * 60_000,
  heapMiB: 96,
  youngHeapMiB: 16,
  /** All buffers that readers allocate for one file, for reading and unpacking. */
  bufferMiB: 96,
} as const

/** For the worker's own start, which no file can influence. */
export const START_TIMEOUT_MS = 30_000
/** An idle worker ends after this long and frees its memory. */
export const IDLE_MS = 60_000
/** Files that may wait in the queue. */
export const WAITING_LIMIT = 64
