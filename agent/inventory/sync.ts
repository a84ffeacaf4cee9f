/**
 * Keeps the hub's copy of the inventory up to date: with differences where both ends agree on the base,
 * otherwise with a full report. The hub's welcome names the hash of its copy, and a file beside the journal
 * holds the content; so a lost message, in either direction, is repaired with the next link.
 */
import { z } from 'zod'
import type { AgentFacts, ReportReply } from '#shared/contract/agent/link.ts'
import {
  InventoryHash,
  PACKED_LIMIT_CHARS,
  type InventoryPart,
} from '#shared/contract/inventory.ts'
import { diffInventory } from '#shared/domain/inventory-delta.ts'
import { Inventory } from '#shared/domain/inventory.ts'
import { errorText, readJson, writeDurably } from '../lib/atomic-file.ts'
import type { Log } from '../lib/log.ts'
import { hashOf, pack } from './pack.ts'

/** The last acknowledged inventory. */
const Acknowledged = z.object({ hash: InventoryHash, inventory: Inventory })
type Acknowledged = z.infer<typeof Acknowledged>

export type InventorySync = {
  /** The last inventory acknowledged by any hub. */
  last: () => Inventory | null
  /**
   * @param hubHash the hash of the hub's copy; null: none; undefined: it keeps no inventories, or there is no
   * link
   */
  setHubHash: (hubHash: string | null | undefined) => void
  isEnabled: () => boolean
  /** @throws if there is no link, or no answer: the hub may or may not have received it */
  send: (inventory: Inventory) => Promise<void>
}

export type InventorySyncDeps = {
  /** Stores the acknowledged inventory across restarts. */
  file: string
  facts: () => AgentFacts
  /** Rejects if there is no link, or no answer in time. */
  report: (body: { facts: AgentFacts; inventory: InventoryPart }) => Promise<ReportReply>
  log: Log
}

export function createInventorySync(deps: InventorySyncDeps): InventorySync {
  const { log } = deps
  let acknowledged = readAcknowledged()
  let hubHash: string | null | undefined

  function readAcknowledged(): Acknowledged | null {
    try {
      return Acknowledged.safeParse(readJson(deps.file)).data ?? null
    } catch {
      return null
    }
  }
  function store(next: Acknowledged): void {
    if (acknowledged?.hash === next.hash) return
    acknowledged = next
    try {
      writeDurably(deps.file, JSON.stringify(next))
    } catch (error) {
      // After a restart, a full report is sent.
      log.warn({ why: errorText(error) }, 'the inventory could not be stored')
    }
  }

  const send = (part: InventoryPart): Promise<ReportReply> =>
    deps.report({ facts: deps.facts(), inventory: part })

  /** @param base null: everything */
  async function difference(base: Acknowledged | null, now: Acknowledged): Promise<ReportReply> {
    const packed = await pack(diffInventory(base?.inventory ?? null, now.inventory))
    // A full report always fits; one with only differences might not.
    if (base !== null && packed.length > PACKED_LIMIT_CHARS) return difference(null, now)
    return send({ base: base?.hash ?? null, hash: now.hash, packed })
  }

  return {
    last: () => acknowledged?.inventory ?? null,
    setHubHash: (next) => void (hubHash = next),
    isEnabled: () => hubHash !== undefined,

    async send(inventory) {
      const now: Acknowledged = { hash: hashOf(inventory), inventory }
      const base = acknowledged !== null && acknowledged.hash === hubHash ? acknowledged : null
      let reply: ReportReply =
        hubHash === now.hash
          ? await send({ base: now.hash, hash: now.hash, packed: null })
          : await difference(base, now)
      if (!reply.committed && reply.resend) reply = await difference(null, now)
      // The next collection tries again; retrying now would not help.
      if (!reply.committed)
        return log.warn({ why: reply.message }, 'the hub did not accept the inventory')
      // The link may have been lost or replaced in the meantime.
      if (hubHash !== undefined) hubHash = now.hash
      store(now)
    },
  }
}
