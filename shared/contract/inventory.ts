/** How an inventory is sent: packed differences from the agent to the hub, and complete over REST. */
import { z } from 'zod'
import { DeviceId } from '../domain/ids.ts'
import { InstalledSoftware, Inventory } from '../domain/inventory.ts'

/** SHA-256, hex, over inventoryText(). */
export const InventoryHash = z.string().regex(/^[0-9a-f]{64}$/)

/** Limit of one packed report. With the rest of its message it stays below the hub's limit (512 KiB). */
export const PACKED_LIMIT_CHARS = 384 * 1024
/** Limit of an unpacked report; anything beyond is refused. */
export const UNPACKED_LIMIT_BYTES = 4 * 1024 * 1024

export const InventoryPart = z.object({
  /** Hash of the inventory that the differences apply to; null: the report is complete. */
  base: InventoryHash.nullable(),
  hash: InventoryHash,
  /** InventoryDelta as JSON, gzip, base64. Null: nothing has changed since `base`. */
  packed: z.base64().max(PACKED_LIMIT_CHARS).nullable(),
})
export type InventoryPart = z.infer<typeof InventoryPart>

/** Software that is installed on devices, and the devices that have it and that the user may see. */
export const SpreadSoftware = InstalledSoftware.pick({
  source: true,
  name: true,
  version: true,
  publisher: true,
}).extend({ device_ids: z.array(DeviceId) })
export type SpreadSoftware = z.infer<typeof SpreadSoftware>
/** A device whose software is known. A device that is not listed has not reported its software, or cannot. */
export const ReportedSoftware = z.object({
  device_id: DeviceId,
  /** When its agent last reported. The controller's clock. */
  collected_at: z.iso.datetime(),
  /** False: it has more entries than the controller keeps. */
  complete: z.boolean(),
})
export type ReportedSoftware = z.infer<typeof ReportedSoftware>
/** Maximum number of titles in one answer. */
export const SPREAD_LIMIT = 500

/** The inventory of a device; all null if its agent has not reported yet. Times use the controller's clock. */
export const DeviceInventory = Inventory.extend({
  device_id: DeviceId,
  /** When its agent last reported. */
  collected_at: z.iso.datetime().nullable(),
  /** When the report last contained a change. */
  changed_at: z.iso.datetime().nullable(),
})
export type DeviceInventory = z.infer<typeof DeviceInventory>
