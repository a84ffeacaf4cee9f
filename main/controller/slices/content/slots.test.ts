import { describe, expect, it } from 'vitest'
import { systemClock } from '#shared/node/clock.ts'
import { createSlots } from './slots.ts'

const never = new AbortController().signal

describe('download slots', () => {
  it('gives a freed slot to the longest-waiting download', async () => {
    const slots = createSlots({ slots: 1, queue: 5, waitMs: 5_000, clock: systemClock })
    const first = await slots.take(never)
    const order: string[] = []
    const second = slots.take(never).then((back) => (order.push('second'), back))
    const third = slots.take(never).then((back) => (order.push('third'), back))
    expect(slots.usage()).toEqual({ taken: 1, waiting: 2 })
    first!()
    ;(await second)!()
    ;(await third)!()
    expect(order).toEqual(['second', 'third'])
    expect(slots.usage()).toEqual({ taken: 0, waiting: 0 })
  })

  it('frees a slot once, however often it is released', async () => {
    const slots = createSlots({ slots: 2, queue: 5, waitMs: 5_000, clock: systemClock })
    const back = await slots.take(never)
    await slots.take(never)
    back!()
    back!()
    expect(slots.usage().taken).toBe(1)
  })

  it('refuses immediately when the queue is full', async () => {
    const slots = createSlots({ slots: 1, queue: 1, waitMs: 5_000, clock: systemClock })
    const back = await slots.take(never)
    const waiting = slots.take(never)
    expect(await slots.take(never)).toBeNull()
    back!()
    expect(await waiting).toBeTypeOf('function')
  })

  it('refuses after the wait, and removes the request from the queue', async () => {
    const slots = createSlots({ slots: 1, queue: 1, waitMs: 20, clock: systemClock })
    const back = await slots.take(never)
    expect(await slots.take(never)).toBeNull()
    expect(slots.usage()).toEqual({ taken: 1, waiting: 0 })
    back!()
    expect(slots.usage().taken).toBe(0)
  })

  it('gives no slot to a client that has disconnected', async () => {
    const slots = createSlots({ slots: 1, queue: 5, waitMs: 5_000, clock: systemClock })
    const back = await slots.take(never)
    const gone = new AbortController()
    const waiting = slots.take(gone.signal)
    gone.abort()
    expect(await waiting).toBeNull()
    back!()
    expect(slots.usage()).toEqual({ taken: 0, waiting: 0 })
    expect(await slots.take(gone.signal)).toBeNull()
  })
})
