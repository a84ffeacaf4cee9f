import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { inventoryText } from '#shared/domain/inventory-delta.ts'
import type { Inventory, InventoryDelta } from '#shared/domain/inventory.ts'

const gzipAsync = promisify(gzip)

/** The wire format: JSON, gzip, base64. */
export const pack = async (delta: InventoryDelta): Promise<string> =>
  (await gzipAsync(JSON.stringify(delta))).toString('base64')

/** SHA-256, hex. */
export const hashOf = (inventory: Inventory): string =>
  createHash('sha256').update(inventoryText(inventory)).digest('hex')
