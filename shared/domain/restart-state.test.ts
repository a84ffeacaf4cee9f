import { describe, expect, it } from 'vitest'
import {
  isRestartOpen,
  nextRestartState,
  RESTART_EVENTS,
  RESTART_STATES,
  RESTART_TRANSITIONS,
} from './restart-state.ts'

describe('the states of a restart', () => {
  it('have one way at most for each event', () => {
    const keys = RESTART_TRANSITIONS.map(([from, event]) => `${from} ${event}`)
    expect(new Set(keys).size).toBe(keys.length)
  })

  it('once ended, stay as they are', () => {
    for (const state of RESTART_STATES.filter((s) => !isRestartOpen(s)))
      for (const event of RESTART_EVENTS) expect(nextRestartState(state, event)).toBeNull()
  })

  it('can all be reached, and each open one can end', () => {
    const reached = new Set<string>(['owed', ...RESTART_TRANSITIONS.map(([, , to]) => to)])
    expect([...reached].sort()).toEqual([...RESTART_STATES].sort())
    for (const state of RESTART_STATES.filter(isRestartOpen))
      expect(nextRestartState(state, 'gave_up')).toBe('given_up')
  })

  it('come back from an order only by the word of the agent that it does not hold it', () => {
    const back = RESTART_TRANSITIONS.filter(([, , to]) => (to as string) === 'owed')
    expect(back).toEqual([['ordered', 'put_off', 'owed']])
  })
})
