import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '#shared/node/clock.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import { createBandwidth, type Bandwidth, type Lane } from './bandwidth.ts'

const KIB = 1024
const MIB = 1024 * KIB
const A = 1 as DeviceId
const B = 2 as DeviceId
const C = 3 as DeviceId

let bandwidth: Bandwidth
beforeEach(() => {
  vi.useFakeTimers()
  bandwidth = createBandwidth(systemClock)
})
afterEach(() => vi.useRealTimers())

/**
 * Takes repeatedly, like a download with a fast reader. `pauseMs`: how long its reader needs per
 * piece.
 */
function download(lane: Lane, pauseMs = 0) {
  const gone = new AbortController()
  const log: { atMs: number; bytes: number }[] = []
  const startMs = performance.now()
  async function run() {
    for (;;) {
      const bytes = await bandwidth.take(lane, MIB, gone.signal)
      if (bytes === null) return
      log.push({ atMs: performance.now() - startMs, bytes })
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  }
  void run()
  return {
    leave: () => gone.abort(),
    log,
    bytes: () => log.reduce((sum, piece) => sum + piece.bytes, 0),
    longestGapMs: () => Math.max(...log.slice(1).map((piece, i) => piece.atMs - log[i]!.atMs)),
  }
}
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)
/** Within this share of the expected value. */
function expectAbout(bytes: number, expected: number, share = 0.05): void {
  expect(bytes / expected).toBeGreaterThan(1 - share)
  expect(bytes / expected).toBeLessThan(1 + share)
}

it.each([64 * KIB, 700 * KIB, 12 * MIB, 900 * MIB])(
  'a limit of %i bytes a second is kept and fully used',
  async (hub) => {
    bandwidth.setLimits({ hub, device: null })
    const one = download(A)
    await pass(10_000)
    // A grant or two more than ten seconds' worth, because it starts with one.
    expectAbout(one.bytes(), 10 * hub, 0.1)
    one.leave()
  },
)

it('idle time does not accumulate', async () => {
  bandwidth.setLimits({ hub: MIB, device: null })
  const first = download(A)
  await pass(1_000)
  first.leave()
  await pass(60_000)
  const second = download(A)
  await pass(100)
  expect(second.bytes()).toBeLessThan(0.25 * MIB)
  second.leave()
})

describe("the hub's limit", () => {
  it('is shared evenly, however many connections one device opens', async () => {
    bandwidth.setLimits({ hub: MIB, device: null })
    const greedy = Array.from({ length: 9 }, () => download(A))
    const others = [download(B), download(C)]
    await pass(30_000)
    const [greedyBytes, ...rest] = [
      greedy.reduce((sum, one) => sum + one.bytes(), 0),
      ...others.map((one) => one.bytes()),
    ]
    for (const bytes of [greedyBytes, ...rest]) expectAbout(bytes, 10 * MIB)
    ;[...greedy, ...others].forEach((one) => one.leave())
  })

  it('goes to others while a reader is slow', async () => {
    bandwidth.setLimits({ hub: MIB, device: null })
    const slow = download(A, 1_000)
    const fast = download(B)
    await pass(20_000)
    expectAbout(slow.bytes() + fast.bytes(), 20 * MIB)
    // One grant of a sixteenth of a second's worth.
    expect(slow.bytes()).toBeLessThan(1.5 * MIB)
    slow.leave()
    fast.leave()
  })

  it('sends something to each of 32 readers long before they time out', async () => {
    bandwidth.setLimits({ hub: 64 * KIB, device: null })
    const all = [
      ...Array.from({ length: 32 }, (_, i) => download((i + 1) as DeviceId)),
      ...Array.from({ length: 16 }, () => download('unenrolled')),
    ]
    await pass(180_000)
    for (const one of all) expect(one.longestGapMs()).toBeLessThan(40_000)
    for (const one of all.slice(0, 32)) expect(one.longestGapMs()).toBeLessThan(3_000)
    all.forEach((one) => one.leave())
  })
})

describe("a device's limit", () => {
  it('applies to each device, and to all connections of one device together', async () => {
    bandwidth.setLimits({ hub: null, device: 200 * KIB })
    const [a1, a2, b] = [download(A), download(A), download(B)]
    await pass(10_000)
    expectAbout(a1.bytes() + a2.bytes(), 2000 * KIB, 0.1)
    expectAbout(a1.bytes(), a2.bytes(), 0.05)
    expectAbout(b.bytes(), 2000 * KIB, 0.1)
    ;[a1, a2, b].forEach((one) => one.leave())
  })

  it('delays nobody else: others use what one device may not', async () => {
    bandwidth.setLimits({ hub: MIB, device: 256 * KIB })
    const devices = Array.from({ length: 3 }, (_, i) => download((i + 1) as DeviceId))
    const unenrolled = download('unenrolled')
    await pass(10_000)
    for (const one of devices) expectAbout(one.bytes(), 2560 * KIB, 0.1)
    // The device limit does not apply: it gets the fourth quarter.
    expectAbout(unenrolled.bytes(), 2560 * KIB, 0.1)
    ;[...devices, unenrolled].forEach((one) => one.leave())
  })
})

describe('a changed limit', () => {
  it('applies immediately to waiting downloads: lower, higher, none', async () => {
    bandwidth.setLimits({ hub: 10 * MIB, device: null })
    const one = download(A)
    await pass(5_000)
    const before = one.bytes()
    bandwidth.setLimits({ hub: 100 * KIB, device: null })
    await pass(5_000)
    expectAbout(one.bytes() - before, 500 * KIB, 0.1)
    const between = one.bytes()
    bandwidth.setLimits({ hub: null, device: 5 * MIB })
    await pass(1_000)
    expectAbout(one.bytes() - between, 5 * MIB, 0.15)
    one.leave()
  })

  it('that is removed releases all waiting downloads, with all they want', async () => {
    bandwidth.setLimits({ hub: 64 * KIB, device: 64 * KIB })
    const gone = new AbortController().signal
    await bandwidth.take(A, MIB, gone)
    const waiting = [bandwidth.take(A, MIB, gone), bandwidth.take(B, 77, gone)]
    expect(bandwidth.waiting()).toBe(2)
    bandwidth.setLimits({ hub: null, device: null })
    expect(await Promise.all(waiting)).toEqual([MIB, 77])
    expect(bandwidth.waiting()).toBe(0)
    expect(bandwidth.isLimited()).toBe(false)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('a download that ends', () => {
  it('frees its slot without losing any of the rate', async () => {
    bandwidth.setLimits({ hub: MIB, device: null })
    const leaving = Array.from({ length: 20 }, (_, i) => download((i + 10) as DeviceId))
    const staying = download(A)
    await pass(1_000)
    expect(bandwidth.waiting()).toBe(21)
    leaving.forEach((one) => one.leave())
    expect(bandwidth.waiting()).toBe(1)
    const before = staying.bytes()
    await pass(5_000)
    expectAbout(staying.bytes() - before, 5 * MIB)
    staying.leave()
    expect(bandwidth.waiting()).toBe(0)
  })

  it('before its turn, or before it asked, gets nothing', async () => {
    bandwidth.setLimits({ hub: 64 * KIB, device: null })
    const gone = new AbortController()
    await bandwidth.take(A, MIB, gone.signal)
    const waiting = bandwidth.take(A, MIB, gone.signal)
    gone.abort()
    expect(await waiting).toBeNull()
    expect(await bandwidth.take(A, MIB, gone.signal)).toBeNull()
  })
})

it('never grants more than is wanted, nor nothing', async () => {
  bandwidth.setLimits({ hub: 64 * KIB, device: 1000 * MIB })
  const gone = new AbortController().signal
  expect(await bandwidth.take(A, 1, gone)).toBe(1)
  await pass(1_000)
  expect(await bandwidth.take(A, 100, gone)).toBe(100)
  await pass(1_000)
  expect(await bandwidth.take(A, MIB, gone)).toBe(4 * KIB)
})
