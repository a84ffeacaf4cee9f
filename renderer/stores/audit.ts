/** Who did what, page by page. */
import { defineStore } from 'pinia'
import { ref, shallowRef } from 'vue'
import type { AuditEntry } from '#shared/contract/entities.ts'
import { useApi } from '../api/index.ts'
import { createLoader } from './loader.ts'

export const AUDIT_PAGE_SIZE = 100

export const useAuditStore = defineStore('audit', () => {
  const api = useApi()
  const entries = shallowRef<AuditEntry[]>([])
  const total = ref(0)
  const page = ref(0)
  /** What is looked for; empty: everything. */
  const query = ref('')
  let shown = ''
  const loader = createLoader(async () => {
    const asked = query.value
    const reply = await api.call('audit.list', {
      query: {
        limit: AUDIT_PAGE_SIZE,
        offset: page.value * AUDIT_PAGE_SIZE,
        ...(query.value && { q: query.value }),
      },
    })
    entries.value = reply.entries
    total.value = reply.total
    shown = asked
  })
  return {
    ...loader,
    entries,
    total,
    page,
    query,
    async search(text: string) {
      query.value = text
      page.value = 0
      await loader.load()
      // It was on its way with what had been looked for before.
      if (shown !== query.value) await loader.load()
    },
    async turn(to: number) {
      page.value = to
      await loader.load()
    },
  }
})
