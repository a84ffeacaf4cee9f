/** Free disk space that an installation needs before it may start. */

/** The package and its unpacked files. */
const DISK_FACTOR = 2
/** Reserve for the PC itself meanwhile. */
const DISK_MARGIN_BYTES = 64 * 1024 * 1024

/**
 * Bytes that must be free on a PC before it downloads a package of this size.
 * @param expandedBytes of an archive: its extracted size, because the files lie beside it while its entry installs about as much again
 */
export const neededDiskBytes = (sizeBytes: number, expandedBytes: number | null = null): number =>
  (expandedBytes === null ? sizeBytes * DISK_FACTOR : sizeBytes + expandedBytes * DISK_FACTOR) +
  DISK_MARGIN_BYTES
