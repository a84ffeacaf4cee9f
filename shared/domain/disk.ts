/** How much free disk an installation is given before it may start. */

/** The package itself, and what it unpacks to. */
const DISK_FACTOR = 2
/** What a PC needs for itself meanwhile. */
const DISK_MARGIN_BYTES = 64 * 1024 * 1024

/**
 * Bytes that must be free on a PC before a package of this size is downloaded.
 * @param expandedBytes an archive: all that it holds, which lies beside it while its entry installs about as much again
 */
export const neededDiskBytes = (sizeBytes: number, expandedBytes: number | null = null): number =>
  (expandedBytes === null ? sizeBytes * DISK_FACTOR : sizeBytes + expandedBytes * DISK_FACTOR) +
  DISK_MARGIN_BYTES
