import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyDelta, diffInventory, inKeyOrder, inventoryText } from './inventory-delta.ts'
import { EMPTY_INVENTORY, Inventory, InventoryDelta, type InstalledSoftware } from './inventory.ts'

const entry = (key: string, version: string | null = '1'): InstalledSoftware => ({
  key,
  source: 'dpkg',
  name: key,
  version,
  publisher: null,
  installed_on: null,
})
const of = (...software: InstalledSoftware[]): Inventory => ({
  ...EMPTY_INVENTORY,
  users: ['anna'],
  software,
})

describe('the difference between two inventories', () => {
  it('contains only what has changed', () => {
    const before = of(entry('a'), entry('b'), entry('c'))
    const now = of(entry('a'), entry('b', '2'), entry('d'))
    expect(diffInventory(before, now)).toEqual({
      sections: {},
      software: { changed: [entry('b', '2'), entry('d')], removed: ['c'] },
    })
    expect(diffInventory(before, { ...before, users: [] })).toEqual({ sections: { users: [] } })
  })

  it('contains everything without a base, and what became unreadable', () => {
    const now = of(entry('a'))
    const delta = diffInventory(null, now)
    expect(Object.keys(delta.sections)).toHaveLength(7)
    expect(applyDelta(null, delta)).toEqual(now)
    expect(diffInventory(now, { ...now, software: null })).toEqual({ sections: {}, software: null })
    expect(diffInventory({ ...now, software: null }, of())).toMatchObject({
      software: { changed: [], removed: [] },
    })
  })

  const name = fc.oneof(
    fc.constantFrom('a', 'b', 'c', 'd', '__proto__', 'constructor'),
    fc.string({ minLength: 1, maxLength: 5 }).filter((s) => !/[\p{Cc}\p{Cf}\p{Cs}\p{Z}]/u.test(s)),
  )
  const software = fc.option(
    fc
      .array(
        fc.record({ name, version: fc.option(fc.constantFrom('1', '2')) }).map((r) => ({
          ...entry(r.name, r.version),
        })),
        { maxLength: 12 },
      )
      .map(inKeyOrder),
  )
  const inventory: fc.Arbitrary<Inventory> = fc.record({
    hardware: fc.constant(null),
    os: fc.constant(null),
    disks: fc.option(
      fc.array(
        fc.record({
          mount: name,
          device: fc.option(name),
          file_system: fc.constant(null),
          size_bytes: fc.nat(),
          free_bytes: fc.nat(),
        }),
        { maxLength: 3 },
      ),
    ),
    network: fc.constantFrom(null, []),
    users: fc.option(fc.array(name, { maxLength: 3 })),
    reboot: fc.constantFrom(null, { pending: true, reasons: ['file_renames' as const] }),
    software_omitted: fc.nat(3),
    software,
  })

  it('turns the older inventory into the newer one, also after JSON', () => {
    fc.assert(
      fc.property(fc.option(inventory), inventory, (before, now) => {
        const sent: unknown = JSON.parse(JSON.stringify(diffInventory(before, now)))
        const made = applyDelta(before, InventoryDelta.parse(sent))
        expect(made).toEqual(now)
        expect(inventoryText(made)).toBe(inventoryText(now))
      }),
      { numRuns: 500 },
    )
  })
  it('is empty exactly if their texts are equal', () => {
    fc.assert(
      fc.property(inventory, inventory, (a, b) => {
        const { sections, software: entries } = diffInventory(a, b)
        const isNothing = Object.keys(sections).length === 0 && entries === undefined
        expect(isNothing).toBe(inventoryText(a) === inventoryText(b))
      }),
      { numRuns: 500 },
    )
  })
})

describe('the text of an inventory', () => {
  it('does not depend on the order of its fields, nor on fields that are null', () => {
    const a = { ...EMPTY_INVENTORY, users: ['x'] }
    const { hardware, ...rest } = a
    const b = { ...rest, later_field: null, hardware }
    expect(inventoryText(b)).toBe(inventoryText(a))
    expect(inventoryText({ ...a, software: [] })).not.toBe(inventoryText(a))
  })
})

describe('an inventory from a PC', () => {
  it('is refused with control characters, or if it is too large', () => {
    const good = of(entry('a'))
    expect(Inventory.safeParse(good).success).toBe(true)
    expect(Inventory.safeParse(of(entry('a\u202eb'))).success).toBe(false)
    expect(Inventory.safeParse(of(entry('a\nb'))).success).toBe(false)
    expect(Inventory.safeParse(of(entry('x'.repeat(257)))).success).toBe(false)
    const many = Array.from({ length: 5_001 }, (_, i) => entry(`p${i}`))
    expect(Inventory.safeParse(of(...many)).success).toBe(false)
    expect(Inventory.safeParse({ ...good, users: Array(33).fill('u') }).success).toBe(false)
  })
})
