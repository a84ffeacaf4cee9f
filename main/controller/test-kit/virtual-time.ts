/**
 * Time for tests: an event loop of its own, in which time passes only as the test says. Timers fire
 * before turns, as in Node; those due at the same moment in the order in which they were set.
 */
import { setImmediate as settled } from 'node:timers/promises'
import { sleepBy } from '#shared/node/clock.ts'
import type { ClockSource } from '../base/clock.ts'
import type { TickerTime } from '../base/ticker.ts'

const START_WALL_MS = 1_000_000

export function createVirtualTime() {
  let nowMs = 0
  let wallSkewMs = 0
  let timers: { atMs: number; fn: () => void }[] = []
  let turns: (() => void)[] = []

  async function fireDue(): Promise<void> {
    const due = timers.filter(({ atMs }) => atMs <= nowMs).sort((a, b) => a.atMs - b.atMs)
    for (const timer of due) {
      if (!timers.includes(timer)) continue
      timers = timers.filter((other) => other !== timer)
      timer.fn()
      await settled()
    }
  }
  async function takeTurns(): Promise<void> {
    for (const turn of [...turns]) {
      if (!turns.includes(turn)) continue
      turns = turns.filter((other) => other !== turn)
      turn()
      await settled()
    }
  }

  const setTimer: ClockSource['setTimer'] = (ms, fn) => {
    const timer = { atMs: nowMs + ms, fn }
    timers.push(timer)
    return () => void (timers = timers.filter((other) => other !== timer))
  }
  const sleep = sleepBy(setTimer)

  return {
    time: {
      monotonicMs: () => nowMs,
      uptimeSeconds: () => nowMs / 1000,
      awakeMs: () => nowMs,
      wallMs: () => START_WALL_MS + nowMs + wallSkewMs,
      setTimer,
      repeat(everyMs, fn) {
        let cancel = setTimer(everyMs, again)
        function again(): void {
          cancel = setTimer(everyMs, again)
          fn()
        }
        return () => cancel()
      },
      sleep,
      nextTurn(fn) {
        const turn = () => fn()
        turns.push(turn)
        return () => void (turns = turns.filter((other) => other !== turn))
      },
    } satisfies ClockSource & TickerTime,
    nowMs: () => nowMs,
    /** Work that blocks the event loop. */
    block: (ms: number): void => void (nowMs += ms),
    shiftWallClock: (byMs: number): void => void (wallSkewMs += byMs),
    /** Work outside the event loop: timers fire meanwhile. */
    sleep,
    /** Fires every timer before its time, as a clock that is behind the timers does. */
    async fireEarly(): Promise<void> {
      for (const timer of [...timers]) timer.atMs = nowMs
      await fireDue()
    },
    /** Moves time forward, and runs everything that becomes due. */
    async advance(ms: number): Promise<void> {
      const endMs = nowMs + ms
      for (;;) {
        await fireDue()
        await takeTurns()
        if (turns.length > 0) continue
        const nextMs = Math.min(...timers.map(({ atMs }) => atMs))
        if (nextMs > endMs) break
        nowMs = Math.max(nowMs, nextMs)
      }
      nowMs = Math.max(nowMs, endMs)
    },
  }
}
