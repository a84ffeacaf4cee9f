import { eq } from 'drizzle-orm'
import type { DeviceId } from '#shared/domain/ids.ts'
import type { InstalledSoftware, Inventory } from '#shared/domain/inventory.ts'
import { inKeyOrder } from '#shared/domain/inventory-delta.ts'
import { deviceInventory } from '../../store/schema/index.ts'
import { containsSql, searchParameters } from '../../store/folded.ts'
import { createTextSearch } from '../../store/text-search.ts'
import type { Store } from '../../store/store.ts'

export type InventoryRow = typeof deviceInventory.$inferSelect
type SoftwareRow = { title_id: number; entry: string; installed_on: string | null }
type Report = { device_id: DeviceId; collected_at: string; omitted: number }
type Title = Omit<InstalledSoftware, 'installed_on'>

/** The same title always gives the same text. */
const titleText = ({ key, source, name, version, publisher }: InstalledSoftware): string =>
  JSON.stringify({ key, source, name, version, publisher } satisfies Title)

export function createInventoryRepo({ db, sqlite, transaction }: Store) {
  const hashOf = sqlite
    .prepare<[number], string>('select hash from device_inventory where device_id = ?')
    .pluck()
  const touch = sqlite.prepare<[string, number]>(
    'update device_inventory set collected_at = ? where device_id = ?',
  )
  const softwareOf = sqlite.prepare<[number], SoftwareRow>(
    `select s.title_id, t.entry, s.installed_on
     from device_software s join software_titles t on t.id = s.title_id where s.device_id = ?`,
  )
  const titleId = sqlite
    .prepare<[string], number>('select id from software_titles where entry = ?')
    .pluck()
  const addTitle = sqlite.prepare<[string, string]>(
    'insert into software_titles (entry, name) values (?, ?)',
  )
  const addSoftware = sqlite.prepare<[number, number, string | null]>(
    `insert into device_software (device_id, title_id, installed_on) values (?, ?, ?)
     on conflict do update set installed_on = excluded.installed_on`,
  )
  const removeSoftware = sqlite.prepare<[number, number]>(
    'delete from device_software where device_id = ? and title_id = ?',
  )
  const dropTitle = sqlite.prepare<[number]>(
    `delete from software_titles
     where id = ? and not exists (select 1 from device_software where title_id = software_titles.id)`,
  )

  const search = createTextSearch(sqlite, 'title_search')
  const nextTitles = sqlite.prepare<[number, number], { id: number; text: string }>(
    'select id, name text from software_titles where id > ? order by id limit ?',
  )
  type Found = { id: number; entry: string; name: string }
  const foundLater = sqlite.prepare<{ like: string; folded: string; upTo: number }, Found>(
    `select id, entry, name from software_titles t where id > @upTo and ${containsSql('t.name')}`,
  )
  const foundIndexed = sqlite.prepare<
    { like: string; folded: string; upTo: number; match: string },
    Found
  >(
    `select t.id, t.entry, t.name from title_search s cross join software_titles t on t.id = s.rowid
     where s.title_search match @match and s.rowid <= @upTo and ${containsSql('t.name')}`,
  )
  const devicesWith = sqlite
    .prepare<[number], DeviceId>('select device_id from device_software where title_id = ?')
    .pluck()
  const removed = sqlite
    .prepare<[], DeviceId>(
      `select d.id from devices d cross join device_inventory i on i.device_id = d.id
       where d.deleted_at is not null`,
    )
    .pluck()

  const reports = sqlite.prepare<[number, number], Report>(
    `select device_id, collected_at, sections ->> '$.software_omitted' omitted
     from device_inventory where device_id > ? and has_software = 1 order by device_id limit ?`,
  )

  /** Replaces the software of a device; writes only differences. */
  function setSoftware(id: DeviceId, software: readonly InstalledSoftware[]): void {
    const before = new Map(softwareOf.all(id).map((row) => [row.entry, row]))
    for (const entry of software) {
      const text = titleText(entry)
      const known = before.get(text)
      before.delete(text)
      if (known && known.installed_on === entry.installed_on) continue
      const title =
        known?.title_id ??
        titleId.get(text) ??
        Number(addTitle.run(text, entry.name).lastInsertRowid)
      addSoftware.run(id, title, entry.installed_on)
    }
    for (const { title_id } of before.values()) {
      removeSoftware.run(id, title_id)
      dropTitle.run(title_id)
    }
  }

  return {
    hashOf: (id: DeviceId): string | null => hashOf.get(id) ?? null,
    byDevice: (id: DeviceId): InventoryRow | undefined =>
      db.select().from(deviceInventory).where(eq(deviceInventory.device_id, id)).get(),
    inventoryOf(row: InventoryRow): Inventory {
      const software = (): InstalledSoftware[] =>
        inKeyOrder(
          softwareOf.all(row.device_id).map(({ entry, installed_on }) => ({
            ...(JSON.parse(entry) as Title),
            installed_on,
          })),
        )
      return { ...row.sections, software: row.has_software ? software() : null }
    },
    /** It was checked and has not changed. */
    touch: (id: DeviceId, at: string): void => void touch.run(at, id),
    /** Call it inside a transaction. */
    save(id: DeviceId, hash: string, { software, ...sections }: Inventory, at: string): void {
      const row = {
        hash,
        sections,
        has_software: software !== null,
        collected_at: at,
        changed_at: at,
      }
      db.insert(deviceInventory)
        .values({ device_id: id, ...row })
        .onConflictDoUpdate({ target: deviceInventory.device_id, set: row })
        .run()
      setSoftware(id, software ?? [])
    },
    /** Call it inside a transaction. */
    forget(id: DeviceId): void {
      db.delete(deviceInventory).where(eq(deviceInventory.device_id, id)).run()
      setSoftware(id, [])
    },
    /** Software with this in its name, ordered by name. @param after `ID:NAME` of the last one read */
    titles(part: string, after: string | null): { id: number; title: () => Title }[] {
      const upTo = search.upTo()
      const values = { ...searchParameters(part), upTo }
      const match = search.query([part])
      const found = foundLater.all(values)
      if (match !== null) found.push(...foundIndexed.all({ ...values, match }))
      const [, id = '0', name = ''] = /^(\d+):(.*)$/su.exec(after ?? '') ?? []
      return found
        .filter((title) => title.name > name || (title.name === name && title.id > Number(id)))
        .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.id - b.id))
        .map(({ id, entry }) => ({ id, title: () => JSON.parse(entry) as Title }))
    },
    devicesWith: (titleId: number): DeviceId[] => devicesWith.all(titleId),
    /** Makes the next titles searchable. @returns how many */
    index: (limit: number): number =>
      transaction(() => {
        const rows = nextTitles.all(search.upTo(), limit)
        search.add(rows)
        return rows.length
      }),
    /** Of every device that has reported its software, and what was omitted from it, by id. */
    reports: (after: DeviceId | 0, limit: number): Report[] => reports.all(after, limit),
    /** Removed devices whose inventory is still stored. */
    removed: (): DeviceId[] => removed.all(),
  }
}
