/** The audit log: the entries loaded so far, the filters, and the result of its verification. */
import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import type { AuditEntry, AuditProof } from '#shared/contract/rest/audit.ts'
import type { ReportSeparator } from '#shared/contract/rest/deployment-requests.ts'
import { AuditAction } from '#shared/domain/audit-actions.ts'
import { useApi } from '../../api/index.ts'
import { createLoader } from '../../state/loader.ts'

export const AUDIT_PAGE_SIZE = 100
/** Timeout for operations on the whole log, which may be long. */
const WHOLE_TIMEOUT_MS = 5 * 60_000

export type AuditFilters = {
  /** Text to find in user, action, subject or details. */
  text: string
  actor: string | null
  action: string | null
  /** Local days as `YYYY-MM-DD`, both inclusive; empty: no limit. */
  from: string
  to: string
}
export const NO_FILTERS: AuditFilters = { text: '', actor: null, action: null, from: '', to: '' }

/** The start of a local day, or of the one `plusDays` after it. */
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
    // The last millisecond of the day.
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
    // The filter has changed meanwhile: drop these entries.
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
    // The request in flight still had the previous filter.
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
    /** Verifies the whole log. Administrators only. */
    proof,
    async prove(): Promise<AuditProof> {
      proof.value = await api.call('audit.proof', undefined, { timeoutMs: WHOLE_TIMEOUT_MS })
      return proof.value
    },
    /** As JSON Lines, or as CSV with this separator. */
    export: (form: ReportSeparator | 'jsonl'): Promise<string> => {
      const options = { timeoutMs: WHOLE_TIMEOUT_MS }
      return form === 'jsonl'
        ? api.call('audit.export_jsonl', undefined, options)
        : api.call('audit.export_csv', { query: { separator: form } }, options)
    },
  }
})
