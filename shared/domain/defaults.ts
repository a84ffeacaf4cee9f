/** Limits and timeouts that more than one process uses. Names give the unit. */
export const HUB_PORT = 7480
export const CONSOLE_PORT = 7481
export const INSTALLER_TIMEOUT_SECONDS = 3_600
/** A running target fails after its device has been silent for this long. */
export const LEASE_MS = 120_000
/** A device is offline after this long without a link. */
export const OFFLINE_AFTER_MS = 15_000
/** After a start of the controller, no device counts as offline for this long. */
export const CONNECT_GRACE_MS = 60_000
/** How long the hub waits for "journalled" and the agent for "committed". */
export const ACK_TIMEOUT_MS = 10_000
/** Output kept per target: the first and the last half of it. */
export const OUTPUT_LIMIT_BYTES = 1024 * 1024
export const REQUEST_BODY_LIMIT_BYTES = 1024 * 1024
export const UPLOAD_LIMIT_BYTES = 16 * 1024 ** 3
/** Waits before the 2nd, 3rd (and, unused so far, 4th) attempt of a download. */
export const DOWNLOAD_RETRY_WAITS_MS = [1_000, 4_000, 15_000] as const
export const DOWNLOAD_TRIES = 3
export const RECONNECT_MIN_MS = 1_000
export const RECONNECT_MAX_MS = 60_000
/** Agents that lost an open link reconnect evenly spread over this time after the first wait, because all lose it at once. */
export const RECONNECT_SPREAD_MS = 4_000
export const MAX_PARALLEL_DOWNLOADS = 32
export const MAX_CONCURRENT_DEVICES = 50
export const WAIT_MINUTES = 60
/** How long a PC that enrols without a code waits for approval in the console … */
export const PAIRING_EXPIRES_MS = 600_000
/** … and for the person at the PC to compare the digits. */
export const PAIRING_ANSWER_MS = 300_000
/** Content is hashed in chunks of this size, so that chunks could later come from other sources. */
export const CHUNK_BYTES = 1024 * 1024
