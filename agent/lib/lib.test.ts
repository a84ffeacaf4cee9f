import { describe, expect, it } from 'vitest'
import { systemRandom } from '#shared/node/random.ts'
import { prettyName } from '../facts/facts.ts'
import { selfCommand } from './self.ts'
import { RECONNECT_MAX_MS, RECONNECT_MIN_MS, RECONNECT_SPREAD_MS } from '#shared/domain/defaults.ts'
import { createBackoff, linkedSignal } from './wait.ts'

describe('the delay between two tries', () => {
  it('grows to its limit, half of it random, and starts again after a success', () => {
    const backoff = createBackoff(systemRandom, 1_000, 60_000)
    const waits = Array.from({ length: 40 }, () => backoff.nextMs())
    waits.forEach((ms, i) => {
      const full = Math.min(60_000, 1_000 * 2 ** i)
      expect(ms).toBeGreaterThanOrEqual(full / 2)
      expect(ms).toBeLessThanOrEqual(full)
    })
    expect(new Set(waits.slice(-20)).size).toBeGreaterThan(1)
    backoff.reset()
    expect(backoff.nextMs()).toBeLessThanOrEqual(1_000)
  })

  /**
   * When each of `count` agents has reconnected, if the hub is available again `downMs` after all have lost
   * it.
   */
  function comeBack(count: number, downMs: number): number[] {
    return Array.from({ length: count }, () => {
      const backoff = createBackoff(
        systemRandom,
        RECONNECT_MIN_MS,
        RECONNECT_MAX_MS,
        RECONNECT_SPREAD_MS,
      )
      backoff.begin()
      let at = backoff.nextMs()
      while (at < downMs) at += backoff.nextMs()
      return at - downMs
    })
  }
  const busiestSecond = (times: number[]): number =>
    Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + 1_000).length))

  it.each([
    [0, 5_000, 170],
    [5_000, 10_000, 280],
    [60_000, 61_000, 60],
    [600_000, 60_000, 45],
  ])(
    'spreads 500 agents whose hub was unreachable for %i ms over the next %i ms',
    (downMs, withinMs, most) => {
      const times = comeBack(500, downMs)
      expect(Math.max(...times)).toBeLessThanOrEqual(withinMs)
      expect(busiestSecond(times)).toBeLessThanOrEqual(most)
    },
  )

  it('spreads only the first try', () => {
    const backoff = createBackoff(systemRandom, 1_000, 60_000, 1_000_000)
    backoff.begin()
    backoff.nextMs()
    expect(backoff.nextMs()).toBeLessThanOrEqual(2_000)
  })
})

describe('a linked signal', () => {
  it('fires with the reason of the first one, and removes its listeners when released', () => {
    const [a, b] = [new AbortController(), new AbortController()]
    const linked = linkedSignal(a.signal, b.signal)
    const released = linkedSignal(a.signal)
    released.release()
    b.abort('b')
    a.abort('a')
    expect(linked.signal.reason).toBe('b')
    expect(released.signal.aborted).toBe(false)
  })
})

describe('helpers', () => {
  it('read the name of a Linux distribution without quotes', () => {
    expect(prettyName('ID=x\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')).toBe(
      'Debian GNU/Linux 12 (bookworm)',
    )
    expect(prettyName("PRETTY_NAME='A'")).toBe('A')
    expect(prettyName('ID=x')).toBeNull()
  })

  it('return the command that starts this program again', () => {
    const self = selfCommand()
    expect(self.file).toBe(process.execPath)
    expect(self.args.at(-1)).toMatch(/^\//)
  })
})
