/**
 * What makes the audit log searchable: a full-text index, the days of its entries, and how many
 * there are of each actor and action. Written after the entries, in chunks, so that recording one
 * stays cheap and a long log of an earlier version is indexed while the controller runs.
 */
import { foldedName } from '#shared/domain/folding.ts'
import { createTextSearch, joinParts, rarestPart } from '../../store/text-search.ts'
import type { Store } from '../../store/store.ts'

type Entry = {
  id: number
  at: string
  actor: string
  action: string
  subject: string
  details: string
  actor_id: number | null
}
export type Facet = { actor: string; action: string; actor_id: number; entries: number }

const dayOf = (iso: string): string => iso.slice(0, 10)

export type AuditIndexRepo = ReturnType<typeof createAuditIndexRepo>

export function createAuditIndexRepo({ sqlite, transaction }: Store) {
  const search = createTextSearch(sqlite, 'audit_search')
  const next = sqlite.prepare<[number, number], Entry>(
    'select id, at, actor, action, subject, details, actor_id from audit_log where id > ? order by id limit ?',
  )
  const addDay = sqlite.prepare<[string, number, number]>(
    `insert into audit_days (day, first_id, last_id) values (?, ?, ?) on conflict do update set
       first_id = min(first_id, excluded.first_id), last_id = max(last_id, excluded.last_id)`,
  )
  const addFacet = sqlite.prepare<[string, string, number, number]>(
    `insert into audit_facets (actor, action, actor_id, entries) values (?, ?, ?, ?)
     on conflict do update set entries = entries + excluded.entries`,
  )
  const facets = sqlite.prepare<[], Facet>('select * from audit_facets')
  const firstSince = sqlite
    .prepare<[string], number | null>('select min(first_id) from audit_days where day >= ?')
    .pluck()
  const lastUntil = sqlite
    .prepare<[string], number | null>('select max(last_id) from audit_days where day <= ?')
    .pluck()

  return {
    upTo: search.upTo,
    query: (texts: readonly string[]): string | null => search.query(texts),
    facets: (): Facet[] => facets.all(),
    /** How indexed entries spell this actor: names that differ only in case are the same. */
    spellings: (name: string): string[] => [
      ...new Set(
        facets
          .all()
          .map(({ actor }) => actor)
          .filter((actor) => foldedName(actor) === foldedName(name)),
      ),
    ],
    /** Of the name of an actor or action, the part that the fewest indexed entries contain. */
    rarestPart: (of: 'actor' | 'action', value: string): string =>
      rarestPart(
        value,
        facets.all().map((facet) => ({ name: facet[of], rows: facet.entries })),
      ),
    /** Indexed entries since this time have at least this id; null: there are none. */
    firstSince: (iso: string): number | null => firstSince.get(dayOf(iso)) ?? null,
    /** Indexed entries until this time have at most this id; null: there are none. */
    lastUntil: (iso: string): number | null => lastUntil.get(dayOf(iso)) ?? null,
    /** Indexes the next entries, in one transaction. @returns how many */
    step: (limit: number): number =>
      transaction(() => {
        const rows = next.all(search.upTo(), limit)
        if (rows.length === 0) return 0
        search.add(
          rows.map(({ id, actor, action, subject, details }) => ({
            id,
            text: joinParts([actor, action, subject, details]),
          })),
        )
        const days = new Map<string, [number, number]>()
        const facetsHere = new Map<string, Facet>()
        for (const { id, at, actor, action, actor_id } of rows) {
          const day = days.get(dayOf(at))
          days.set(dayOf(at), [day?.[0] ?? id, id])
          const key = JSON.stringify([actor, action, actor_id])
          const facet = facetsHere.get(key) ?? {
            ...{ actor, action, actor_id: actor_id ?? 0 },
            entries: 0,
          }
          facet.entries++
          facetsHere.set(key, facet)
        }
        for (const [day, [first, last]] of days) addDay.run(day, first, last)
        for (const facet of facetsHere.values())
          addFacet.run(facet.actor, facet.action, facet.actor_id, facet.entries)
        return rows.length
      }),
  }
}
