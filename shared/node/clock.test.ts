import { describe, expect, it } from 'vitest'
import { sleepBy, systemClock } from './clock.ts'

describe('sleeping', () => {
  /** A clock whose timers fire when the test says. */
  function stage() {
    const timers = new Set<() => void>()
    const sleep = sleepBy((_, fn) => {
      timers.add(fn)
      return () => timers.delete(fn)
    })
    return { sleep, timers }
  }

  it('ends with its timer', async () => {
    const { sleep, timers } = stage()
    const stop = new AbortController()
    const sleeping = sleep(1_000, stop.signal)
    for (const fire of timers) fire()
    await sleeping
    expect(timers.size).toBe(0)
  })
  it('ends immediately when it is cancelled, and leaves no timer', async () => {
    const { sleep, timers } = stage()
    const stop = new AbortController()
    const sleeping = sleep(60_000, stop.signal)
    expect(timers.size).toBe(1)
    stop.abort()
    await sleeping
    expect(timers.size).toBe(0)
    await sleep(60_000, stop.signal)
    expect(timers.size).toBe(0)
  })
})

describe('the system clock', () => {
  it('calls again and again until it is cancelled', async () => {
    let count = 0
    await new Promise<void>((resolve) => {
      const cancel = systemClock.repeat(1, () => {
        if (++count < 3) return
        cancel()
        resolve()
      })
    })
    expect(count).toBe(3)
  })
  it('calls nothing that was cancelled', async () => {
    const called: string[] = []
    systemClock.setTimer(0, () => called.push('timer'))()
    systemClock.nextTurn(() => called.push('turn'))()
    await systemClock.sleep(1)
    await new Promise<void>((resolve) => void systemClock.nextTurn(resolve))
    expect(called).toEqual([])
  })
})
