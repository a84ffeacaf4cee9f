/** Finds the enrolled hub by its key: a laptop sees it at another address at every site. */
import type { Fingerprint } from '#shared/domain/ids.ts'
import type { Clock } from '#shared/node/clock.ts'
import { errorText } from '../lib/atomic-file.ts'
import type { Log } from '../lib/log.ts'

const LISTEN_MS = 3_000
const MAX_HINTS = 16

/**
 * Addresses where the hub may be, from advertisements. They are worth a try, but trusted only after the key
 * was presented. Never rejects.
 */
export async function findHub(
  fingerprint: Fingerprint,
  signal: AbortSignal,
  { clock, log }: { clock: Clock; log: Log },
): Promise<string[]> {
  try {
    // Loaded when first needed: a connected agent does not use it.
    const { browse } = await import('./browse.ts')
    const hubs = await browse({ forMs: LISTEN_MS, signal, clock, log })
    const same = hubs.filter((hub) => hub.fingerprint === fingerprint)
    // A hub whose key was rotated meanwhile advertises the new one; its certificate then proves the
    // succession.
    const advertised = (same.length > 0 ? same : hubs).flatMap((hub) => hub.addresses)
    const hints = [...new Set(advertised)].slice(0, MAX_HINTS)
    if (hints.length > 0) log.info({ hints }, 'a hub is advertised on this network')
    return hints
  } catch (error) {
    log.debug({ why: errorText(error) }, 'looking for the hub on the LAN failed')
    return []
  }
}
