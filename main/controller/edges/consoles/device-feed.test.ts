import { expect, it } from 'vitest'
import type { FeedEvents } from '#shared/contract/feed.ts'
import type { DeviceId, UserId } from '#shared/domain/ids.ts'
import { createDeviceFeed } from './device-feed.ts'

const ANNA = 7 as UserId
const idOf = (n: number) => n as DeviceId
/** Every third device is Anna's; ids over 1,000 were removed. */
const ownerOf = (id: number): UserId | null => (id % 3 === 0 ? ANNA : null)

function setUp(hasConsole = true) {
  const sent: { owner: unknown; body: FeedEvents['device_updated'] }[] = []
  const described: number[] = []
  const feed = createDeviceFeed({
    devices: {
      describe(ids: DeviceId[]) {
        described.push(...ids)
        return ids
          .filter((id) => id <= 1_000)
          .map((id) => ({ device: { id } as never, ownerId: ownerOf(id) }))
      },
      row: (id: DeviceId) => ({ owner_id: ownerOf(id) }) as never,
    },
    hasConsole: () => hasConsole,
    emit: (owner, _event, body) => sent.push({ owner, body }),
  })
  return { feed, sent, described }
}

it('sends one list to each audience, with the removed devices', () => {
  const { feed, sent } = setUp()
  for (const id of [1, 2, 3, 3, 1_001, 1_002]) feed.changed(idOf(id))
  expect(feed.send()).toBe(false)
  expect(sent).toEqual([
    { owner: null, body: { devices: [{ id: 1 }, { id: 2 }], removed_device_ids: [1_001] } },
    { owner: ANNA, body: { devices: [{ id: 3 }], removed_device_ids: [1_002] } },
  ])
  feed.send()
  expect(sent).toHaveLength(2)
})

it('sends at most 500 devices in one frame, and each of them once', () => {
  const { feed, sent } = setUp()
  for (let n = 1; n <= 1_000; n++) feed.changed(idOf(n))
  const perFrame: number[] = []
  for (let isLeft = true; isLeft;) {
    const before = sent.length
    isLeft = feed.send()
    perFrame.push(sent.slice(before).reduce((sum, { body }) => sum + body.devices.length, 0))
  }
  expect(perFrame).toEqual([500, 500])
  const ids = sent.flatMap(({ body }) => body.devices.map(({ id }) => id))
  expect(new Set(ids).size).toBe(1_000)
})

it('describes nothing while no console is connected', () => {
  const { feed, sent, described } = setUp(false)
  feed.changed(idOf(1))
  expect(feed.send()).toBe(false)
  expect([sent, described]).toEqual([[], []])
})
