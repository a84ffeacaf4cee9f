/** Limits and waits that more than one process relies on. Milliseconds, bytes. */
export const HUB_PORT = 7480
export const CONSOLE_PORT = 7481
export const INSTALLER_TIMEOUT_SECONDS = 3_600
/** A running target whose device gave no sign of life for so long is given up. */
export const LEASE_MS = 120_000
/** A device without a link for so long is offline. */
export const OFFLINE_AFTER_MS = 15_000
/** A controller that has just started calls nobody offline for so long. */
export const CONNECT_GRACE_MS = 60_000
/** How long the hub waits for "journalled" and the agent for "committed". */
export const ACK_TIMEOUT_MS = 10_000
/** Output kept per target: the first and the last half of it. */
export const OUTPUT_LIMIT_BYTES = 1024 * 1024
export const REQUEST_BODY_LIMIT_BYTES = 1024 * 1024
export const UPLOAD_LIMIT_BYTES = 16 * 1024 ** 3
/** Waits before the 2nd, 3rd (and, for a later use, 4th) try of a download. */
export const DOWNLOAD_RETRY_WAITS_MS = [1_000, 4_000, 15_000] as const
export const DOWNLOAD_TRIES = 3
export const RECONNECT_MIN_MS = 1_000
export const RECONNECT_MAX_MS = 60_000
/** Agents whose standing link broke come back within so long after the first wait, spread evenly: all lose it at once. */
export const RECONNECT_SPREAD_MS = 4_000
export const MAX_PARALLEL_DOWNLOADS = 32
export const MAX_CONCURRENT_DEVICES = 50
export const WAIT_MINUTES = 60
/** A PC that asks to be enrolled without a code waits so long for approval in the console … */
export const PAIRING_EXPIRES_MS = 600_000
/** … and for the person in front of it to compare the digits. */
export const PAIRING_ANSWER_MS = 300_000
/** Content is hashed in pieces of this size, so that pieces can be fetched from elsewhere later. */
export const CHUNK_BYTES = 1024 * 1024
