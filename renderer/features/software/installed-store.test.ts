import { createPinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createApp } from 'vue'
import { ApiError } from '../../api/failure.ts'
import { API } from '../../api/index.ts'
import type { Api } from '../../api/index.ts'
import { useInstalledStore } from './installed-store.ts'

/** A controller whose answers the test triggers one by one. */
function stage() {
  const asked: { name: string; answer: () => void; fail: () => void }[] = []
  const call = (_route: string, { query: { name } }: { query: { name: string } }) =>
    new Promise((resolve, reject) =>
      asked.push({
        name,
        answer: () =>
          resolve({
            software: [{ source: 'dpkg', name, version: '1', publisher: null, device_ids: [1] }],
            more: false,
            next_after: null,
            told: [],
          }),
        fail: () => reject(new ApiError('E_INTERNAL', 'no')),
      }),
    )
  const app = createApp({ render: () => null })
  app.provide(API, { call } as unknown as Api)
  app.use(createPinia())
  const store = app.runWithContext(() => useInstalledStore())
  return { store, asked, names: () => store.programs.map((p) => p.name) }
}
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)
beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('the search for installed software', () => {
  it('waits for a pause in typing and sends one request', async () => {
    const { store, asked, names } = stage()
    for (const text of ['vl', 'vlc', 'vlc ']) {
      store.find(text)
      await pass(100)
    }
    expect([store.state, asked.length]).toEqual(['loading', 0])
    await pass(300)
    expect(asked.map((a) => a.name)).toEqual(['vlc'])
    asked[0]!.answer()
    await pass(0)
    expect([store.state, names()]).toEqual(['ready', ['vlc']])
  })

  it('sends nothing for a single letter, and clears the result when the text is cleared', async () => {
    const { store, asked, names } = stage()
    store.find('v')
    await pass(1_000)
    expect([store.state, asked.length]).toEqual(['idle', 0])
    store.find('vlc')
    await pass(300)
    asked[0]!.answer()
    await pass(0)
    store.find('')
    expect([store.state, names()]).toEqual(['idle', []])
  })

  it('has at most one request in flight, and shows only the answer to the latest text', async () => {
    const { store, asked, names } = stage()
    store.find('one')
    await pass(300)
    store.find('two')
    store.find('three')
    await pass(300)
    expect(asked.map((a) => a.name)).toEqual(['one'])
    asked[0]!.answer()
    await pass(0)
    expect(names()).toEqual([])
    expect(asked.map((a) => a.name)).toEqual(['one', 'three'])
    asked[1]!.answer()
    await pass(0)
    expect([store.state, names()]).toEqual(['ready', ['three']])
  })

  it('ignores the answer to an outdated text, and sends no extra request for it', async () => {
    const { store, asked, names } = stage()
    store.find('vl')
    await pass(300)
    store.find('vlc')
    asked[0]!.answer()
    await pass(100)
    expect([store.state, names(), asked.length]).toEqual(['loading', [], 1])
    await pass(200)
    asked[1]!.answer()
    await pass(300)
    expect([names(), asked.length]).toEqual([['vlc'], 2])
  })

  it('ignores an answer that arrives after leaving the page', async () => {
    const { store, asked, names } = stage()
    store.find('vlc')
    await pass(300)
    store.reset()
    asked[0]!.answer()
    await pass(0)
    expect([store.state, names()]).toEqual(['idle', []])
  })

  it('never shows old results with a new failure, and can be retried', async () => {
    const { store, asked, names } = stage()
    store.find('vlc')
    await pass(300)
    asked[0]!.answer()
    await pass(0)
    store.find('office')
    await pass(300)
    asked[1]!.fail()
    await pass(0)
    expect([store.state, store.failure?.code, names()]).toEqual(['failed', 'E_INTERNAL', []])
    void store.load()
    await pass(0)
    asked[2]!.answer()
    await pass(0)
    expect([store.state, names()]).toEqual(['ready', ['office']])
  })

  it('reloads some seconds after new inventory arrives, and keeps the old result if that fails', async () => {
    const { store, asked, names } = stage()
    store.refresh()
    await pass(10_000)
    expect(asked).toEqual([])
    store.find('vlc')
    await pass(300)
    asked[0]!.answer()
    await pass(0)
    for (let n = 0; n < 5; n++) {
      store.refresh()
      await pass(500)
    }
    expect(asked).toHaveLength(1)
    await pass(1_000)
    expect(asked).toHaveLength(2)
    asked[1]!.fail()
    await pass(0)
    expect([store.state, names()]).toEqual(['ready', ['vlc']])
  })
})
