/** The enrolled hub, looked for by its key: a laptop has another address at every site. */
import type { Fingerprint } from '#shared/domain/ids.ts'
import { errorText } from '../lib/atomic-file.ts'
import type { Log } from '../lib/log.ts'

const LISTEN_MS = 3_000
const MAX_HINTS = 16

/** Addresses where the hub may be, by what is announced: worth a try, and believed only once the key was shown. Never rejects. */
export async function findHub(
  fingerprint: Fingerprint,
  signal: AbortSignal,
  log: Log,
): Promise<string[]> {
  try {
    // Loaded when first needed: an agent with a link has no use for it.
    const { browse } = await import('./browse.ts')
    const hubs = await browse({ forMs: LISTEN_MS, signal, log })
    const same = hubs.filter((hub) => hub.fingerprint === fingerprint)
    // A hub whose key was changed meanwhile announces the new one; its certificate proves then what it has followed.
    const heard = (same.length > 0 ? same : hubs).flatMap((hub) => hub.addresses)
    const hints = [...new Set(heard)].slice(0, MAX_HINTS)
    if (hints.length > 0) log.info({ hints }, 'a hub is announced on this network')
    return hints
  } catch (error) {
    log.debug({ why: errorText(error) }, 'looking for the hub on the LAN failed')
    return []
  }
}
