/**
 * Brings the hub's copy of the inventory to what this PC found: by differences where both ends agree on what they are to, else
 * by telling everything. What the hub holds is known from its welcome, what that was from a file beside the journal; so nothing
 * that is lost on the way, on either side, lasts longer than the next link.
 */
import { z } from 'zod'
import type { AgentFacts, ReportReply } from '#shared/contract/agent-link.ts'
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

/** What the hub has acknowledged last. */
const Kept = z.object({ hash: InventoryHash, inventory: Inventory })
type Kept = z.infer<typeof Kept>

export type Teller = {
  /** What was acknowledged last, to whatever hub. */
  last: () => Inventory | null
  /** @param held the hash that the hub says it holds; null: none; undefined: it keeps no inventories, or there is no link */
  setHeld: (held: string | null | undefined) => void
  isWanted: () => boolean
  /** @throws when there is no link, or no answer: the hub may have got it or not */
  tell: (inventory: Inventory) => Promise<void>
}

export type TellerDeps = {
  /** Holds what was acknowledged, over restarts. */
  file: string
  facts: () => AgentFacts
  /** Rejects when there is no link, or no answer in time. */
  report: (body: { facts: AgentFacts; inventory: InventoryPart }) => Promise<ReportReply>
  log: Log
}

export function createTeller(deps: TellerDeps): Teller {
  const { log } = deps
  let kept = readKept()
  let held: string | null | undefined

  function readKept(): Kept | null {
    try {
      return Kept.safeParse(readJson(deps.file)).data ?? null
    } catch {
      return null
    }
  }
  function keep(next: Kept): void {
    if (kept?.hash === next.hash) return
    kept = next
    try {
      writeDurably(deps.file, JSON.stringify(next))
    } catch (error) {
      // After a restart everything is told again.
      log.warn({ why: errorText(error) }, 'the inventory could not be kept')
    }
  }

  const send = (part: InventoryPart): Promise<ReportReply> =>
    deps.report({ facts: deps.facts(), inventory: part })

  /** @param base null: everything */
  async function difference(base: Kept | null, now: Kept): Promise<ReportReply> {
    const packed = await pack(diffInventory(base?.inventory ?? null, now.inventory))
    // Everything always fits; differences in everything might not.
    if (base !== null && packed.length > PACKED_LIMIT_CHARS) return difference(null, now)
    return send({ base: base?.hash ?? null, hash: now.hash, packed })
  }

  return {
    last: () => kept?.inventory ?? null,
    setHeld: (next) => void (held = next),
    isWanted: () => held !== undefined,

    async tell(inventory) {
      const now: Kept = { hash: hashOf(inventory), inventory }
      const base = kept !== null && kept.hash === held ? kept : null
      let reply: ReportReply =
        held === now.hash
          ? await send({ base: now.hash, hash: now.hash, packed: null })
          : await difference(base, now)
      if (!reply.committed && reply.resend) reply = await difference(null, now)
      // The next look tries again; until then nothing is gained by insisting.
      if (!reply.committed)
        return log.warn({ why: reply.message }, 'the hub did not take the inventory')
      // It may have gone meanwhile, or another link may have come.
      if (held !== undefined) held = now.hash
      keep(now)
    },
  }
}
