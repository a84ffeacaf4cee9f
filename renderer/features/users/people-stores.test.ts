import { createPinia } from 'pinia'
import { describe, expect, it } from 'vitest'
import { createApp } from 'vue'
import type { AuditEntry } from '#shared/contract/rest/audit.ts'
import { API } from '../../api/index.ts'
import type { Api } from '../../api/index.ts'
import { NO_FILTERS, toQuery, useAuditStore } from '../audit/audit-store.ts'
import { useSessionStore } from '../account/session-store.ts'

type Answers = Record<string, (input: never) => unknown>
function withApi<T>(answers: Answers, use: () => T): T {
  const call = async (name: string, input: unknown) => answers[name]?.(input as never)
  const session = {
    onLost: () => undefined,
    keep: async () => undefined,
    forget: async () => undefined,
  }
  const app = createApp({ render: () => null })
  app.provide(API, { call, session } as unknown as Api)
  app.use(createPinia())
  return app.runWithContext(use)
}
const entry = (id: number): AuditEntry => ({
  id,
  at: '2026-11-23T10:00:00.000Z',
  actor: 'anna',
  action: 'user.login',
  subject: 'user anna',
  details: '',
  address: '127.0.0.1',
  outcome: 'done',
  device_id: null,
  deployment_id: null,
  data: null,
  hash: null,
})

describe('the audit log', () => {
  type Asked = { query: { before?: number; q?: string } }
  it('loads older pages until there are none left', async () => {
    const asked: (number | undefined)[] = []
    const store = withApi(
      {
        'audit.list': ({ query }: Asked) => {
          asked.push(query.before)
          return query.before === undefined
            ? { entries: [entry(4), entry(3)], total: 3, next_before: 3 }
            : { entries: [entry(2)], total: 3, next_before: null }
        },
      },
      () => useAuditStore(),
    )
    await store.load()
    await store.loadOlder()
    await store.loadOlder()
    expect(store.entries.map(({ id }) => id)).toEqual([4, 3, 2])
    expect(asked).toEqual([undefined, 3])
  })
  it('discards an older page requested before the filter changed', async () => {
    let answer: (() => void) | undefined
    const store = withApi(
      {
        'audit.list': async ({ query }: Asked) => {
          if (query.before !== undefined) await new Promise<void>((done) => (answer = done))
          return { entries: [entry(query.q ? 9 : (query.before ?? 4))], total: 2, next_before: 3 }
        },
      },
      () => useAuditStore(),
    )
    await store.load()
    const older = store.loadOlder()
    await store.filter({ text: 'nine' })
    answer?.()
    await older
    expect(store.entries.map(({ id }) => id)).toEqual([9])
  })
  it('is queried for whole days in local time', () => {
    const { since, until } = toQuery({ ...NO_FILTERS, from: '2026-03-28', to: '2026-03-29' })
    expect(since).toBe(new Date(2026, 2, 28).toISOString())
    expect(Date.parse(until!)).toBe(new Date(2026, 2, 30).getTime() - 1)
    expect(toQuery(NO_FILTERS)).toEqual({})
    expect(toQuery({ ...NO_FILTERS, action: 'of.another.version' }).action).toBeUndefined()
  })
})

describe('a user whose password was set by someone else', () => {
  const user = { id: 1, username: 'tina', role: 'technician' }
  it('must choose their own password first', async () => {
    const store = withApi(
      {
        'auth.login': () => ({ user: { ...user, must_change_password: true } }),
        'auth.password': () => ({ ...user, must_change_password: false }),
      },
      () => useSessionStore(),
    )
    await store.signIn('tina', 'given')
    expect(store.phase).toBe('must_change')
    await store.changePassword('given', 'her own')
    expect(store.phase).toBe('signed_in')
  })
})
