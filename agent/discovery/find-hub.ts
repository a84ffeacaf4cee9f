/** The enrolled hub, looked for by its key: a laptop has another address at every site. */
import type { Fingerprint } from '#shared/domain/ids.ts'
import { errorText } from '../lib/atomic-file.ts'
import type { Log } from '../lib/log.ts'

const LISTEN_MS = 3_000
const MAX_HINTS = 16

/** Addresses that somebody claims for this key: worth a try, and believed only once the key itself was shown. Never rejects. */
export async function findHub(
  fingerprint: Fingerprint,
  signal: AbortSignal,
  log: Log,
): Promise<string[]> {
  try {
    // Loaded when first needed: an agent with a link has no use for it.
    const { browse } = await import('./browse.ts')
    const hubs = await browse({ forMs: LISTEN_MS, signal, wanted: fingerprint, log })
    const hints = [...new Set(hubs.flatMap((hub) => hub.addresses))].slice(0, MAX_HINTS)
    if (hints.length > 0) log.info({ hints }, 'a hub with the enrolled key is announced')
    return hints
  } catch (error) {
    log.debug({ why: errorText(error) }, 'looking for the hub on the LAN failed')
    return []
  }
}
