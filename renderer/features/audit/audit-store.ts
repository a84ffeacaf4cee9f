/** Who did what: as much of the trail as was looked at, what it is filtered by, and whether it was proven. */
import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import type { AuditEntry, AuditProof } from '#shared/contract/rest/audit.ts'
import { AuditAction } from '#shared/domain/audit-actions.ts'
import { useApi } from '../../api/index.ts'
import { createLoader } from '../../state/loader.ts'

export const AUDIT_PAGE_SIZE = 100
/** The whole trail may be long. */
const WHOLE_TIMEOUT_MS = 5 * 60_000

export type AuditFilters = {
  /** Part of who, what, to what or the details. */
  text: string
  actor: string | null
  action: string | null
  /** Days as `YYYY-MM-DD` by this computer's clock, both included; empty: no limit. */
  from: string
  to: string
}
export const NO_FILTERS: AuditFilters = { text: '', actor: null, action: null, from: '', to: '' }

/** The first moment of a local day, or of the one after it. */
function dayStart(day: string, plusDays: number): string | undefined {
  const [year, month, date] = day.split('-').map(Number)
  if (!year || !month || !date) return undefined
  return new Date(year, month - 1, date + plusDays).toISOString()
}

export function toQuery(filters: AuditFilters) {
  const { text, actor, action, from, to } = filters
  const known = AuditAction.safeParse(action)
  const end = dayStart(to, 1)
  return {
    q: text || undefined,
    actor: actor ?? undefined,
    action: known.success ? known.data : undefined,
    since: dayStart(from, 0),
    // Up to the last millisecond of the day.
    until: end && new Date(Date.parse(end) - 1).toISOString(),
  }
}

export const useAuditStore = defineStore('audit', () => {
  const api = useApi()
  const entries = shallowRef<AuditEntry[]>([])
  const total = ref(0)
  const filters = ref<AuditFilters>({ ...NO_FILTERS })
  const facets = shallowRef<{ actors: string[]; actions: string[] }>({ actors: [], actions: [] })
  const proof = shallowRef<AuditProof | null>(null)
  let nextBefore: number | null = null
  let shown = ''
  const asked = () => JSON.stringify(filters.value)

  const page = (before: number | undefined) =>
    api.call('audit.list', {
      query: { ...toQuery(filters.value), limit: AUDIT_PAGE_SIZE, before },
    })
  const loader = createLoader(async () => {
    const what = asked()
    const reply = await page(undefined)
    entries.value = reply.entries
    total.value = reply.total
    nextBefore = reply.next_before
    shown = what
  })
  const older = createLoader(async () => {
    const what = asked()
    if (nextBefore === null || shown !== what) return
    const reply = await page(nextBefore)
    // Filtered anew in the meantime: these belong to something else.
    if (shown !== what || asked() !== what) return
    entries.value = [...entries.value, ...reply.entries]
    nextBefore = reply.next_before
  })
  const facetsLoader = createLoader(async () => {
    facets.value = await api.call('audit.facets')
  })

  async function filter(change: Partial<AuditFilters>): Promise<void> {
    filters.value = { ...filters.value, ...change }
    await loader.load()
    // It was on its way with what had been looked for before.
    if (shown !== asked()) await loader.load()
  }

  return {
    ...loader,
    entries,
    total,
    filters,
    facets,
    isFiltered: computed(() => asked() !== JSON.stringify(NO_FILTERS)),
    olderFailure: older.failure,
    loadFacets: facetsLoader.load,
    loadOlder: older.load,
    filter,
    clear: () => filter(NO_FILTERS),
    /** Checks the whole trail, for administrators. */
    proof,
    async prove(): Promise<AuditProof> {
      proof.value = await api.call('audit.proof', undefined, { timeoutMs: WHOLE_TIMEOUT_MS })
      return proof.value
    },
    export: (form: 'csv' | 'jsonl'): Promise<string> =>
      api.call(form === 'csv' ? 'audit.export_csv' : 'audit.export_jsonl', undefined, {
        timeoutMs: WHOLE_TIMEOUT_MS,
      }),
  }
})
