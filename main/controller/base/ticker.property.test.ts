import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createVirtualTime } from '../test-kit/virtual-time.ts'
import { createTicker, type Outcome } from './ticker.ts'

const SOON_MS = 25
const HEARTBEAT_MS = 1_000
const KEYS = ['a', 'b', 'c', 'd'] as const
type Key = (typeof KEYS)[number]
const LONGEST_BLOCK_MS = 700
const LONGEST_WAIT_MS = 400
/** A wake-up waits for a back-off or a rest, and then for one run of each key. */
const LATEST_MS =
  SOON_MS + 2 * HEARTBEAT_MS + (KEYS.length + 1) * (LONGEST_BLOCK_MS + LONGEST_WAIT_MS)
/** More than all failures and runs below take. */
const QUIET_MS = 60_000

const someKey = fc.constantFrom(...KEYS)
const runs = fc.record({
  blockMs: fc.constantFrom(0, 1, 50, LONGEST_BLOCK_MS),
  waitMs: fc.constantFrom(0, 0, 30, LONGEST_WAIT_MS),
  soon: fc.option(someKey, { freq: 3 }),
  now: fc.option(someKey, { freq: 3 }),
  end: fc.constantFrom('done', 'done', 'more', 'fails', 'wakes later'),
})
const steps = fc.oneof(
  fc.record({ type: fc.constantFrom('soon', 'now'), key: someKey }),
  fc.record({ type: fc.constant('passes'), ms: fc.constantFrom(0, 10, 30, 500, 3_000) }),
  fc.record({ type: fc.constantFrom('timers fire early', 'beat') }),
)
type Wake = { key: Key; isNow: boolean; atMs: number; seenStarts: number }

it('loses no wake-up, runs one key at a time, starves none, keeps the heartbeat, and stops', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(steps, { maxLength: 20 }),
      fc.array(runs, { maxLength: 15 }),
      fc.boolean(),
      fc.option(fc.nat(20)),
      async (script, planned, hasKeys, stopAfter) => {
        const world = createVirtualTime()
        const starts: { key: Key; atMs: number }[] = []
        const wakes: Wake[] = []
        const beats: number[] = [0]
        /** An error in a run would only be a failure of that run. */
        const wrong: string[] = []
        let atOnce = 0
        let isStopped = false
        const wake = (key: Key, isNow: boolean): void => {
          if (isStopped) return
          wakes.push({ key, isNow, atMs: world.nowMs(), seenStarts: starts.length })
        }
        const steps = [...planned]

        async function run(key: Key): Promise<Outcome> {
          if (isStopped) wrong.push('a run after the stop')
          if (++atOnce > 1) wrong.push('two runs at once')
          starts.push({ key, atMs: world.nowMs() })
          const step = steps.shift()
          if (step) {
            world.block(step.blockMs)
            if (step.soon) soon(step.soon)
            if (step.now) now(step.now)
            if (step.waitMs > 0) await world.sleep(step.waitMs)
          }
          atOnce--
          if (step?.end === 'fails') {
            wake(key, false)
            throw new Error('no')
          }
          if (step?.end === 'more') wake(key, true)
          if (step?.end === 'wakes later') wake(key, false)
          return {
            more: step?.end === 'more',
            wakeAtMs: step?.end === 'wakes later' ? world.time.wallMs() + 200 : null,
          }
        }
        const ticker = createTicker<Key>({
          time: world.time,
          soonMs: SOON_MS,
          heartbeatMs: HEARTBEAT_MS,
          keys: () => {
            beats.push(world.nowMs())
            const listed = hasKeys ? KEYS : []
            for (const key of listed) wake(key, false)
            return listed
          },
          run,
          failed: () => {},
        })
        function soon(key: Key): void {
          ticker.soon([key])
          wake(key, false)
        }
        function now(key: Key): void {
          ticker.now([key])
          wake(key, true)
        }
        ticker.start()
        for (const [i, step] of script.entries()) {
          if (i === stopAfter) {
            void ticker.stop()
            isStopped = true
          }
          if ('ms' in step) await world.advance(step.ms)
          else if ('key' in step) (step.type === 'now' ? now : soon)(step.key)
          else if (step.type === 'beat') ticker.beat()
          else await world.fireEarly()
        }
        await world.advance(QUIET_MS)
        const endMs = world.nowMs()
        if (!isStopped) {
          for (const { key, isNow, atMs, seenStarts } of wakes) {
            if (atMs > endMs - LATEST_MS) continue
            const later = starts.slice(seenStarts)
            const place = later.findIndex((start) => start.key === key)
            expect(place, `${key}, woken at ${atMs} ms`).not.toBe(-1)
            expect(later[place]!.atMs - atMs).toBeLessThanOrEqual(LATEST_MS)
            if (isNow) expect(place).toBeLessThan(KEYS.length)
          }
          for (const [i, atMs] of beats.entries())
            expect((beats[i + 1] ?? endMs) - atMs).toBeLessThanOrEqual(
              HEARTBEAT_MS + LONGEST_BLOCK_MS + 1,
            )
          void ticker.stop()
          isStopped = true
        }
        for (const key of KEYS) {
          soon(key)
          now(key)
        }
        await world.advance(QUIET_MS)
        expect(wrong).toEqual([])
      },
    ),
    { numRuns: 150 },
  )
})
