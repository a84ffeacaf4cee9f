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
  const loader = createLoader(async () => {
    const reply = await api.call('audit.list', {
      query: { limit: AUDIT_PAGE_SIZE, offset: page.value * AUDIT_PAGE_SIZE },
    })
    entries.value = reply.entries
    total.value = reply.total
  })
  return {
    ...loader,
    entries,
    total,
    page,
    async turn(to: number) {
      page.value = to
      await loader.load()
    },
  }
})
