import { createPinia } from 'pinia'
import { describe, expect, it } from 'vitest'
import { createApp } from 'vue'
import { DeviceId } from '#shared/domain/ids.ts'
import { EMPTY_INVENTORY } from '#shared/domain/inventory.ts'
import { API } from '../../api/index.ts'
import type { Api } from '../../api/index.ts'
import { ApiError } from '../../api/failure.ts'
import { useInventoryStore } from './inventory-store.ts'

const [one, two] = [DeviceId.parse(1), DeviceId.parse(2)]

/** A controller whose answers the test triggers one by one. */
function stage() {
  const asked: { id: number; answer: (users: string[]) => void; fail: () => void }[] = []
  const call = (_name: string, { params }: { params: { id: number } }) =>
    new Promise((resolve, reject) =>
      asked.push({
        id: params.id,
        answer: (users) =>
          resolve({
            ...EMPTY_INVENTORY,
            users,
            device_id: params.id,
            collected_at: null,
            changed_at: null,
          }),
        fail: () => reject(new ApiError('E_INTERNAL', 'no')),
      }),
    )
  const app = createApp({ render: () => null })
  app.provide(API, { call } as unknown as Api)
  app.use(createPinia())
  const settle = () => new Promise((resolve) => setTimeout(resolve, 0))
  return { store: app.runWithContext(() => useInventoryStore()), asked, settle }
}

describe('the inventory on screen', () => {
  it('belongs to the PC opened last, whatever arrives late', async () => {
    const { store, asked, settle } = stage()
    void store.open(one)
    void store.open(two)
    asked[0]!.answer(['of-one'])
    await settle()
    expect(store.current).toBeNull()
    expect(asked.map((a) => a.id)).toEqual([1, 2])
    asked[1]!.answer(['of-two'])
    await settle()
    expect(store.current?.users).toEqual(['of-two'])
    expect(store.state).toBe('ready')
  })

  it('stays on screen while it is reloaded, and when that fails', async () => {
    const { store, asked, settle } = stage()
    void store.open(one)
    asked[0]!.answer(['anna'])
    await settle()
    void store.open(one)
    expect(store.current?.users).toEqual(['anna'])
    asked[1]!.fail()
    await settle()
    expect([store.state, store.current?.users]).toEqual(['ready', ['anna']])
  })

  it('is empty after closing, even when an answer arrives later', async () => {
    const { store, asked, settle } = stage()
    void store.open(one)
    store.close()
    asked[0]!.answer(['anna'])
    await settle()
    expect(store.current).toBeNull()
  })
})
