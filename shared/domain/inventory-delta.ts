/** Computes and applies the difference between two inventories, and the text whose hash both ends compare. */
import {
  EMPTY_INVENTORY,
  SECTION_NAMES,
  type InstalledSoftware,
  type Inventory,
  type InventoryDelta,
} from './inventory.ts'

/** By code units: the same order on every computer. */
const byKey = (a: { key: string }, b: { key: string }): number =>
  a.key < b.key ? -1 : a.key > b.key ? 1 : 0

/** The first entry of each key, in the order of the keys. */
export function inKeyOrder(software: readonly InstalledSoftware[]): InstalledSoftware[] {
  const sorted = software.toSorted(byKey)
  return sorted.filter((entry, i) => i === 0 || sorted[i - 1]!.key !== entry.key)
}

/** JSON with sorted keys. Nulls are left out: a field that a later version adds does not change the text of an earlier one. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const fields = Object.entries(value)
    .filter(([, field]) => field !== null && field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join(',')}}`
}

/** Equal for equal inventories. Agent and hub compare its SHA-256. */
export const inventoryText = (inventory: Inventory): string =>
  'deployx inventory v1\n' + canonical(inventory)

/** @param before null: the delta contains everything */
export function diffInventory(before: Inventory | null, now: Inventory): InventoryDelta {
  const sections: Record<string, unknown> = {}
  for (const name of SECTION_NAMES)
    if (before === null || canonical(before[name]) !== canonical(now[name]))
      sections[name] = now[name]
  const delta: InventoryDelta = { sections }
  if (now.software === null) {
    if (before === null || before.software !== null) delta.software = null
    return delta
  }
  const old = new Map((before?.software ?? []).map((entry) => [entry.key, canonical(entry)]))
  const changed = now.software.filter((entry) => old.get(entry.key) !== canonical(entry))
  const kept = new Set(now.software.map((entry) => entry.key))
  const removed = [...old.keys()].filter((key) => !kept.has(key))
  const isComplete = before === null || before.software === null
  if (isComplete || changed.length > 0 || removed.length > 0) delta.software = { changed, removed }
  return delta
}

/** @param before null: the delta contains everything */
export function applyDelta(before: Inventory | null, delta: InventoryDelta): Inventory {
  const base = before ?? EMPTY_INVENTORY
  const next: Inventory = { ...base, ...delta.sections }
  if (delta.software === undefined) return next
  if (delta.software === null) return { ...next, software: null }
  const entries = new Map((base.software ?? []).map((entry) => [entry.key, entry]))
  for (const key of delta.software.removed) entries.delete(key)
  for (const entry of delta.software.changed) entries.set(entry.key, entry)
  return { ...next, software: [...entries.values()].sort(byKey) }
}
