/** How an inventory travels: packed differences from the agent to the hub, and whole to whoever asks the controller. */
import { z } from 'zod'
import { DeviceId } from '../domain/ids.ts'
import { InstalledSoftware, Inventory } from '../domain/inventory.ts'

/** SHA-256, hex, over inventoryText(). */
export const InventoryHash = z.string().regex(/^[0-9a-f]{64}$/)

/** One packed report. With the rest of its message it stays below what the hub takes (512 KiB). */
export const PACKED_LIMIT_CHARS = 384 * 1024
/** No report is larger once unpacked: more is not read. */
export const UNPACKED_LIMIT_BYTES = 4 * 1024 * 1024

export const InventoryPart = z.object({
  /** What the differences are to; null: to nothing, all of it is told. */
  base: InventoryHash.nullable(),
  hash: InventoryHash,
  /** InventoryDelta as JSON, gzip, base64. Null: the PC was looked at and is as `base` says. */
  packed: z.base64().max(PACKED_LIMIT_CHARS).nullable(),
})
export type InventoryPart = z.infer<typeof InventoryPart>

/** A software that devices have installed, and which of those that one may see. */
export const SpreadSoftware = InstalledSoftware.pick({
  source: true,
  name: true,
  version: true,
  publisher: true,
}).extend({ device_ids: z.array(DeviceId) })
export type SpreadSoftware = z.infer<typeof SpreadSoftware>
/** How far one may rely on not finding a device: one that is not among these has not told its software, or cannot. */
export const ToldSoftware = z.object({
  device_id: DeviceId,
  /** When its agent looked last. The controller's clock. */
  collected_at: z.iso.datetime(),
  /** False: it has more entries than are kept. */
  complete: z.boolean(),
})
export type ToldSoftware = z.infer<typeof ToldSoftware>
/** So many different ones are told at most. */
export const SPREAD_LIMIT = 500

/** What is known of a device; everything null where its agent has told nothing yet. Times are the controller's. */
export const DeviceInventory = Inventory.extend({
  device_id: DeviceId,
  /** When its agent looked last, as far as it said so. */
  collected_at: z.iso.datetime().nullable(),
  /** When that was something new. */
  changed_at: z.iso.datetime().nullable(),
})
export type DeviceInventory = z.infer<typeof DeviceInventory>
