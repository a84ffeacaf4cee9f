/** Free disk space that an installation needs before it may start. */

/** The package and its unpacked files. */
const DISK_FACTOR = 2
/** Space that must stay free for the PC itself during the installation. */
const DISK_MARGIN_BYTES = 64 * 1024 * 1024

/**
 * Bytes that must be free on a PC before it downloads a package of this size.
 * @param expandedBytes the extracted size of an archive; null for other packages. It counts twice: the extracted files, and about as
 * much again that their entry installs
 */
export const neededDiskBytes = (sizeBytes: number, expandedBytes: number | null = null): number =>
  (expandedBytes === null ? sizeBytes * DISK_FACTOR : sizeBytes + expandedBytes * DISK_FACTOR) +
  DISK_MARGIN_BYTES
