import { describe, expect, it } from 'vitest'
import { Preflight } from '#shared/contract/rest/deployments.ts'
import { Strategy } from '#shared/domain/strategy.ts'
import { emptyDraft } from '../wizard/draft.ts'
import { limitsFailures, proposeStart, startAtMs, tidyTime } from './rollout.ts'
import { limitInWords, momentInWords, noticeOf, waveLines, wavesInWords } from './rollout-words.ts'
import { aDeployment } from '../../test-kit.ts'

const strategy = (change: object = {}) => Strategy.parse(change)
const at = (day: number, hours: number, minutes = 0) =>
  new Date(2026, 10, day, hours, minutes).getTime()

describe('waves in words', () => {
  it.each([
    ['parallel', {}, 40, 'All 40 PCs at once.'],
    ['parallel', { max_concurrent: 10 }, 40, 'All 40 PCs, at most 10 at a time.'],
    ['parallel', { max_concurrent: 1 }, 40, 'All 40 PCs, one at a time.'],
    ['parallel', {}, 1, 'One PC, immediately.'],
    ['canary', { canary_count: 3 }, 40, '3 PCs first, then 37.'],
    ['canary', { canary_percent: 10 }, 3, '1 PC first, then 2.'],
    [
      'canary',
      { canary_count: 1, max_concurrent: 5 },
      9,
      '1 PC first, then 8. At most 5 at a time.',
    ],
    ['canary', { canary_count: 9 }, 4, 'All 4 PCs are in the first wave: nothing is tried first.'],
    ['rolling', { batch_size: 10 }, 40, '4 batches of 10 PCs.'],
    [
      'rolling',
      { batch_size: 10, pause_seconds: 300 },
      43,
      '4 batches of 10 PCs, then 3. Pause between batches: 5 min.',
    ],
    ['rolling', { batch_size: 1 }, 3, '3 batches of one PC.'],
    ['rolling', { batch_size: 3 }, 4, 'A batch of 3 PCs, then 1.'],
    ['rolling', {}, 40, ''],
    ['rolling', { batch_size: 10 }, 0, ''],
  ] as const)('%s %o of %i PCs: %s', (type, change, count, words) =>
    expect(wavesInWords(type, strategy(change), count)).toBe(words),
  )
  it('returns nothing for an invalid strategy', () =>
    expect(wavesInWords('rolling', { max_concurrent: 5, batch_size: 0 }, 9)).toBe(''))
  it('states the failure threshold and from how many PCs on it applies', () => {
    expect(limitInWords(strategy())).toBeNull()
    expect(limitInWords(strategy({ failure_threshold_percent: 20 }))).toBe(
      'pauses when 20% have failed',
    )
    expect(limitInWords(strategy({ failure_threshold_percent: 20, min_executed: 3 }))).toContain(
      'once at least 3 PCs have ended',
    )
  })
  it('limits failures by default when there are waves, unless turned off', () => {
    expect(limitsFailures(emptyDraft())).toBe(false)
    expect(limitsFailures({ ...emptyDraft(), strategy_type: 'canary' })).toBe(true)
    expect(
      limitsFailures({ ...emptyDraft(), strategy_type: 'canary', limit_failures: false }),
    ).toBe(false)
  })
})

describe('the waves of a preview', () => {
  const waves = (count: number) =>
    Preflight.shape.waves.parse(
      Array.from({ length: count }, (_, i) => ({
        wave: i + 1,
        device_count: 10,
        device_names: ['A', 'B', 'C'],
      })),
    )
  it('are listed with the first names and the number of others', () =>
    expect(waveLines(waves(1))).toEqual([
      { key: 'wave-1', title: 'Wave 1', names: '10 PCs: A, B, C and 7 more' },
    ]))
  it('are summarised when there are many', () => {
    expect(waveLines(waves(6))).toHaveLength(6)
    expect(waveLines(waves(20)).at(-1)).toEqual({
      key: 'rest',
      title: 'Waves 6 to 20',
      names: '150 PCs in 15 more waves',
    })
  })
})

describe('times', () => {
  it('parses common ways to write a time of day', () => {
    expect(['9', '2230', '7.15', '22:30', ' 6:05 ', '8h30'].map(tidyTime)).toEqual([
      '09:00',
      '22:30',
      '07:15',
      '22:30',
      '06:05',
      '08:30',
    ])
    expect(['25:00', '12:75', 'soon', ''].map(tidyTime)).toEqual(['25:00', '12:75', 'soon', ''])
  })
  it('proposes this evening, or tomorrow if that is too close', () => {
    expect(proposeStart(at(23, 12))).toEqual({ start_day: '2026-11-23', start_time: '22:00' })
    expect(proposeStart(at(30, 21, 45)).start_day).toBe('2026-12-01')
  })
  it('rejects days and times that do not exist', () => {
    expect(startAtMs({ start_day: '2026-11-31', start_time: '10:00' })).toBeNull()
    expect(startAtMs({ start_day: '2026-11-30', start_time: '24:00' })).toBeNull()
    expect(startAtMs({ start_day: '2026-11-30', start_time: '10:00' })).toBe(at(30, 10))
  })
  it('uses names for near days', () => {
    expect(momentInWords(at(23, 22), at(23, 12))).toBe('today at 22:00')
    expect(momentInWords(at(24, 6, 30), at(23, 23))).toBe('tomorrow at 06:30')
    expect(momentInWords(at(25, 22), at(23, 12))).toBe('Wed 25 Nov at 22:00')
    expect(momentInWords(new Date(2027, 0, 1, 8).getTime(), at(23, 12))).toContain('2027')
  })
})

describe('why a deployment starts nothing', () => {
  const notice = (change: object, nowMs = at(23, 12)) =>
    noticeOf(aDeployment({ scheduled_at: null, ...change }), nowMs)
  const working = { total: 6, pending: 3, downloading: 1, installing: 2 }
  const counts = { completed: 0, failed: 0, skipped: 0, ...working }
  const night = { days: [1, 2, 3, 4, 5], start: '22:00', end: '05:00' }

  it('is empty while it proceeds or once it has ended', () => {
    expect(notice({})).toBeNull()
    expect(notice({ status: 'failed', paused: true })).toBeNull()
    expect(notice({ maintenance_window: night }, at(23, 23))).toBeNull()
  })
  it('names the failures that paused it', () =>
    expect(
      notice({
        counts,
        paused: true,
        pause_reason: 'failure_threshold',
        pause_message: '2 of 3 failed (67%); the failure threshold is 50%.',
      }),
    ).toMatchObject({
      kind: 'failures',
      title: 'Paused: 2 of 3 failed (67%); the failure threshold is 50%.',
      text: expect.stringContaining('3 PCs at work continue') as string,
    }))
  it('names the user who paused it', () =>
    expect(
      notice({ paused: true, pause_reason: 'person', pause_message: 'Paused by anna.' }),
    ).toMatchObject({ kind: 'paused', title: 'Paused by anna.' }))
  it('explains that running installers finish after a cancellation', () =>
    expect(notice({ counts, canceling: true })?.text).toMatch(/^2 running installers continue/))
  it('states when it starts', () =>
    expect(
      notice({ status: 'pending', scheduled_at: new Date(at(23, 22)).toISOString() })?.title,
    ).toBe('Starts today at 22:00'))
  it('states the window that it waits for, and when that opens', () => {
    const waiting = notice({ maintenance_window: night })
    expect(waiting?.title).toBe('Waiting for its window: Mon to Fri, 22:00 to 05:00')
    expect(waiting?.text).toBe('Continues today at 22:00.')
    const allStarted = { ...counts, pending: 0 }
    expect(notice({ maintenance_window: night, counts: allStarted })).toBeNull()
  })
})
