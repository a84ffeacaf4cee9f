import { beforeEach, describe, expect, it } from 'vitest'
import { createVirtualTime } from '../test-kit/virtual-time.ts'
import { createSingleTicker, createTicker, type Outcome } from './ticker.ts'

const SOON_MS = 25
const HEARTBEAT_MS = 5_000

let world: ReturnType<typeof createVirtualTime>
/** Each run, as `key@ms`. */
let runs: string[]
let failed: (string | null)[]
let keys: () => string[]
let work: (key: string) => Outcome | void | Promise<Outcome | void>
let ticker: ReturnType<typeof createTicker<string>>
beforeEach(() => {
  world = createVirtualTime()
  runs = []
  failed = []
  keys = () => []
  work = () => {}
  ticker = createTicker<string>({
    time: world.time,
    soonMs: SOON_MS,
    heartbeatMs: HEARTBEAT_MS,
    keys: () => keys(),
    run: (key) => {
      runs.push(`${key}@${world.nowMs()}`)
      return work(key)
    },
    failed: (_, key) => failed.push(key),
  })
})
const failTimes = (times: number): void => {
  let left = times
  work = () => {
    if (left-- > 0) throw new Error('no')
  }
}

describe('wake-ups', () => {
  beforeEach(() => ticker.start())

  it('runs once for several events within the time', async () => {
    ticker.soon(['a'])
    await world.advance(10)
    ticker.soon(['a', 'b'])
    await world.advance(1_000)
    expect(runs).toEqual(['a@25', 'b@35'])
  })
  it('runs in the next turn for someone who waits, and not again for the earlier event', async () => {
    ticker.soon(['a'])
    ticker.now(['a'])
    expect(runs).toEqual([])
    await world.advance(1_000)
    expect(runs).toEqual(['a@0'])
  })
  it('runs again for an event during a run', async () => {
    work = () => {
      if (runs.length === 1) ticker.soon(['a'])
      if (runs.length === 2) ticker.now(['a'])
    }
    ticker.now(['a'])
    await world.advance(1_000)
    expect(runs).toEqual(['a@0', 'a@25', 'a@25'])
  })
  it('does not start a run while another waits for something', async () => {
    let atOnce = 0
    let most = 0
    work = async () => {
      most = Math.max(most, ++atOnce)
      if (runs.length === 1) ticker.now(['b'])
      await world.sleep(100)
      atOnce--
    }
    ticker.now(['a'])
    await world.advance(1_000)
    expect(runs).toEqual(['a@0', 'b@100'])
    expect(most).toBe(1)
  })
  it('waits for the start', async () => {
    const later = createSingleTicker({
      time: world.time,
      soonMs: SOON_MS,
      heartbeatMs: HEARTBEAT_MS,
      run: () => void runs.push('single'),
      failed: () => {},
    })
    later.soon()
    await world.advance(HEARTBEAT_MS)
    expect(runs).toEqual([])
    later.start()
    await world.advance(100)
    expect(runs).toEqual(['single'])
  })
})

describe('wakes at a time', () => {
  const wakeAt = (inMs: number): void => {
    const atMs = world.time.wallMs() + inMs
    work = () => (runs.length === 1 ? { wakeAtMs: atMs } : {})
    ticker.start()
    ticker.now(['a'])
  }
  it('runs at the requested time, even if timers fire early', async () => {
    wakeAt(3_000)
    await world.advance(2_000)
    await world.fireEarly()
    await world.advance(2_000)
    expect(runs).toEqual(['a@0', 'a@3000'])
  })
  it('measures it on the wall clock', async () => {
    wakeAt(60_000)
    await world.advance(1_000)
    world.shiftWallClock(50_000)
    await world.advance(20_000)
    expect(runs).toEqual(['a@0', 'a@10000'])
  })
  it('runs soon for a time that has passed, not immediately', async () => {
    wakeAt(-1_000)
    await world.advance(1_000)
    expect(runs).toEqual(['a@0', 'a@25'])
  })
})

describe('the heartbeat', () => {
  beforeEach(() => {
    keys = () => ['a', 'b']
    ticker.start()
  })
  it('runs everything', async () => {
    await world.advance(2 * HEARTBEAT_MS)
    expect(runs).toEqual(['a@5000', 'b@5000', 'a@10000', 'b@10000'])
  })
  it('comes immediately on request', async () => {
    ticker.beat()
    await world.advance(HEARTBEAT_MS)
    expect(runs).toEqual(['a@1', 'b@1'])
  })
  it('continues after the keys could not be listed', async () => {
    keys = () => {
      keys = () => ['a']
      throw new Error('no')
    }
    await world.advance(2 * HEARTBEAT_MS)
    expect(failed).toEqual([null])
    expect(runs).toEqual(['a@10000'])
  })
})

describe('fairness', () => {
  beforeEach(() => ticker.start())

  it('lets the others run between two runs of a large one', async () => {
    let left = 3
    work = (key) => (key === 'large' ? { more: --left > 0 } : {})
    ticker.now(['large', 'a', 'b'])
    await world.advance(0)
    expect(runs).toEqual(['large@0', 'a@0', 'b@0', 'large@0', 'large@0'])
  })
  it('lets others in between long runs of a large one', async () => {
    work = (key) => {
      world.block(100)
      return { more: key === 'large' && runs.length < 5 }
    }
    ticker.now(['large'])
    ticker.soon(['a'])
    await world.advance(0)
    expect(runs).toEqual(['large@0', 'large@100', 'a@200', 'large@300', 'large@400'])
  })
  it('gives each run a turn of the event loop', async () => {
    const seen: string[] = []
    work = (key) => {
      seen.push(key)
      if (key === 'a') world.time.nextTurn(() => seen.push('other work'))
    }
    ticker.now(['a', 'b'])
    await world.advance(0)
    expect(seen).toEqual(['a', 'other work', 'b'])
  })
})

describe('after long work', () => {
  beforeEach(() => {
    ticker.start()
    work = () => {
      if (runs.length === 1) world.block(100)
    }
    ticker.now(['a'])
  })
  it('waits three times as long', async () => {
    await world.advance(150)
    ticker.soon(['a'])
    await world.advance(1_000)
    expect(runs).toEqual(['a@0', 'a@400'])
  })
  it('does not let someone wait', async () => {
    await world.advance(150)
    ticker.now(['a'])
    await world.advance(1_000)
    expect(runs).toEqual(['a@0', 'a@150'])
  })
  it('lets nobody wait forever while others are served immediately', async () => {
    work = (key) => world.block(key === 'a' ? 200 : 0)
    await world.advance(0)
    ticker.soon(['b'])
    for (let i = 0; i < 30; i++) {
      ticker.now(['a'])
      await world.advance(300)
    }
    expect(runs.filter((run) => run.startsWith('b'))).toHaveLength(1)
  })
  it('never waits longer than a heartbeat', async () => {
    work = () => world.block(60_000)
    await world.advance(0)
    ticker.soon(['b'])
    await world.advance(HEARTBEAT_MS)
    expect(runs).toEqual(['a@0', 'b@65000'])
  })
})

describe('after a failure', () => {
  beforeEach(() => ticker.start())

  it('retries after a growing delay, at most a heartbeat', async () => {
    keys = () => ['a']
    failTimes(8)
    ticker.now(['a'])
    await world.advance(16_300)
    expect(runs).toEqual(
      [0, 100, 300, 700, 1_500, 3_100, 6_300, 11_300, 16_300].map((ms) => `a@${ms}`),
    )
    expect(failed).toHaveLength(8)
  })
  it('begins with the shortest delay again after a success', async () => {
    failTimes(2)
    ticker.now(['a'])
    await world.advance(1_000)
    failTimes(1)
    ticker.now(['a'])
    await world.advance(1_000)
    expect(runs).toEqual(['a@0', 'a@100', 'a@300', 'a@1000', 'a@1100'])
  })
  it('retries earlier only for someone who waits', async () => {
    failTimes(3)
    ticker.now(['a'])
    await world.advance(350)
    ticker.soon(['a'])
    await world.advance(100)
    expect(runs).toHaveLength(3)
    ticker.now(['a'])
    await world.advance(0)
    expect(runs.at(-1)).toBe('a@450')
  })
  it('runs the others', async () => {
    work = (key) => {
      if (key === 'a') throw new Error('no')
    }
    ticker.now(['a', 'b'])
    await world.advance(0)
    expect(runs).toEqual(['a@0', 'b@0'])
  })
  it('handles a rejection like an error', async () => {
    work = () => (runs.length === 1 ? Promise.reject(new Error('no')) : {})
    ticker.now(['a'])
    await world.advance(1_000)
    expect(runs).toEqual(['a@0', 'a@100'])
  })
})

describe('a stop', () => {
  it('lets no run begin, and waits for the one under way', async () => {
    keys = () => ['a', 'b']
    ticker.start()
    let isDone = false
    work = async () => {
      await world.sleep(100)
      isDone = true
      return { more: true, wakeAtMs: 0 }
    }
    ticker.now(['a', 'b'])
    ticker.soon(['c'])
    await world.advance(50)
    const stopped = ticker.stop().then(() => isDone)
    ticker.now(['d'])
    ticker.soon(['e'])
    ticker.beat()
    ticker.start()
    await world.advance(10 * HEARTBEAT_MS)
    expect(await stopped).toBe(true)
    expect(runs).toEqual(['a@0'])
  })
})
