/** Inventories as agents report them. */
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import type { InventoryPart } from '#shared/contract/inventory.ts'
import { diffInventory, inKeyOrder, inventoryText } from '#shared/domain/inventory-delta.ts'
import {
  EMPTY_INVENTORY,
  type InstalledSoftware,
  type Inventory,
} from '#shared/domain/inventory.ts'

export const installed = (name: string, version: string | null = '1'): InstalledSoftware => ({
  key: `dpkg:${name}:amd64`,
  source: 'dpkg',
  name,
  version,
  publisher: 'Somebody',
  installed_on: null,
})

export const inventoryOf = (
  software: Record<string, string>,
  rest: Partial<Inventory> = {},
): Inventory => ({
  ...EMPTY_INVENTORY,
  software: inKeyOrder(Object.entries(software).map(([name, v]) => installed(name, v))),
  ...rest,
})

export const inventoryHash = (inventory: Inventory): string =>
  createHash('sha256').update(inventoryText(inventory)).digest('hex')
export const packed = (value: unknown): string =>
  gzipSync(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64')

/** @param base what the hub has already stored; null: nothing */
export const partOf = (base: Inventory | null, now: Inventory): InventoryPart => ({
  base: base === null ? null : inventoryHash(base),
  hash: inventoryHash(now),
  packed: packed(diffInventory(base, now)),
})
