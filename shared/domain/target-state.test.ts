import { describe, expect, it } from 'vitest'
import {
  ENDED_TARGET_STATES,
  eventsTo,
  nextTargetState,
  pathTo,
  TARGET_EVENTS,
  TARGET_STATES,
  TARGET_TRANSITIONS,
} from './target-state.ts'

describe('target states', () => {
  it('are all reachable from pending', () => {
    const reached = new Set(['pending'])
    for (let before = 0; before !== reached.size;) {
      before = reached.size
      for (const [from, , to] of TARGET_TRANSITIONS) if (reached.has(from)) reached.add(to)
    }
    expect([...reached].sort()).toEqual([...TARGET_STATES].sort())
  })

  it('can be left unless they are completed or skipped', () => {
    for (const state of TARGET_STATES) {
      const exits = TARGET_TRANSITIONS.filter(([from]) => from === state)
      if (state === 'completed' || state === 'skipped') expect(exits).toEqual([])
      else expect(exits.length).toBeGreaterThan(0)
    }
  })

  it('have at most one transition for each event', () => {
    const pairs = TARGET_TRANSITIONS.map(([from, event]) => `${from} ${event}`)
    expect(new Set(pairs).size).toBe(pairs.length)
  })

  it('have no transition without a row', () => {
    const rows = new Map(TARGET_TRANSITIONS.map(([from, event, to]) => [`${from} ${event}`, to]))
    for (const from of TARGET_STATES)
      for (const event of TARGET_EVENTS)
        expect(nextTargetState(from, event)).toBe(rows.get(`${from} ${event}`) ?? null)
  })
})

describe('pathTo', () => {
  it('contains every state on the way to success', () => {
    expect(pathTo('pending', 'completed')).toEqual(['downloading', 'installing', 'completed'])
    expect(pathTo('downloading', 'completed')).toEqual(['installing', 'completed'])
    expect(pathTo('installing', 'completed')).toEqual(['completed'])
  })
  it('leads directly from any open state to failed or skipped', () => {
    for (const from of ['pending', 'downloading', 'installing'] as const) {
      expect(pathTo(from, 'failed')).toEqual(['failed'])
      expect(pathTo(from, 'skipped')).toEqual(['skipped'])
    }
  })
  it('is empty if the target is there or past it', () => {
    expect(pathTo('installing', 'installing')).toEqual([])
    expect(pathTo('installing', 'downloading')).toEqual([])
    for (const ended of ENDED_TARGET_STATES) expect(pathTo(ended, 'completed')).toEqual([])
  })
})

describe('eventsTo', () => {
  it('follows pathTo by transitions of the table', () => {
    for (const from of TARGET_STATES)
      for (const to of ['downloading', 'installing', 'completed', 'failed', 'skipped'] as const) {
        const passed: string[] = []
        let state = from
        for (const event of eventsTo(from, to))
          passed.push((state = nextTargetState(state, event)!))
        expect(passed).toEqual(pathTo(from, to))
      }
  })
})
