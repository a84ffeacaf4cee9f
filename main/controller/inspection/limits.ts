/**
 * What the inspection of one file may use. Buffers are outside the heap that V8 limits, so readers count them themselves
 * (see readers/window.ts). Together, and with the thread's own 30 MiB, they stay below 256 MiB.
 */
export const INSPECTION_LIMITS = {
  /** Wall clock, so that the answer comes within 5 s. A reader that streams a large file gets it anew for every `progressMiB` of the file that it has read. */
  timeMs: 4_500,
  progressMiB: 16,
  /** Whatever the progress. */
  wholeTimeMs: 10 * 60_000,
  heapMiB: 96,
  youngHeapMiB: 16,
  /** All buffers that readers allocate for one file, read and unpacked. */
  bufferMiB: 96,
} as const

/** Of the worker's own start, which no file can influence. */
export const START_TIMEOUT_MS = 30_000
/** A worker without work ends, and returns its memory. */
export const IDLE_MS = 60_000
/** Files that wait for their turn. */
export const WAITING_LIMIT = 64
