import { createPinia } from 'pinia'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createApp } from 'vue'
import type { CheckStatus } from '#shared/contract/rest/check.ts'
import { API } from '../../api/index.ts'
import type { Api } from '../../api/index.ts'
import { ApiError } from '../../api/failure.ts'
import { LOOK_EVERY_MS, useCheckStore } from './check-store.ts'

const at = (state: CheckStatus['state'], change: Partial<CheckStatus> = {}): CheckStatus => ({
  state,
  step: state === 'running' ? 'content' : null,
  done_bytes: 0,
  total_bytes: 10,
  started_at: null,
  ended_at: null,
  report: null,
  ...change,
})

function open(looks: (() => CheckStatus)[]) {
  const calls: string[] = []
  const call = async (name: string) => {
    calls.push(name)
    if (name === 'controller.start_check') return at('running')
    if (name === 'controller.cancel_check') return at('canceled')
    return (looks.shift() ?? (() => at('idle')))()
  }
  const app = createApp({ render: () => null })
  app.provide(API, { call } as unknown as Api)
  app.use(createPinia())
  return { store: app.runWithContext(() => useCheckStore()), calls }
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('polls a running check to its end, despite a lost reply, and then stops', async () => {
  const { store, calls } = open([
    () => at('idle'),
    () => at('running', { done_bytes: 5 }),
    () => {
      throw new ApiError('E_UNREACHABLE', '')
    },
    () => at('done', { report: { ok: true, findings: [] } }),
  ])
  await store.watch()
  await store.start()
  expect(store.isRunning).toBe(true)
  await vi.advanceTimersByTimeAsync(LOOK_EVERY_MS)
  expect(store.status?.done_bytes).toBe(5)
  await vi.advanceTimersByTimeAsync(2 * LOOK_EVERY_MS)
  expect(store.status?.report?.ok).toBe(true)
  await vi.advanceTimersByTimeAsync(10 * LOOK_EVERY_MS)
  expect(calls.filter((name) => name === 'controller.check')).toHaveLength(4)
})

it('stops polling when the page is left or the check is cancelled', async () => {
  const { store, calls } = open([() => at('running'), () => at('running')])
  await store.watch()
  store.unwatch()
  await vi.advanceTimersByTimeAsync(5 * LOOK_EVERY_MS)
  expect(calls).toEqual(['controller.check'])
  await store.watch()
  await store.cancel()
  await vi.advanceTimersByTimeAsync(5 * LOOK_EVERY_MS)
  expect(calls).toEqual(['controller.check', 'controller.check', 'controller.cancel_check'])
})
