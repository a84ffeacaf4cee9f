import { describe, expect, it } from 'vitest'
import {
  isRestartOpen,
  nextRestartState,
  RESTART_EVENTS,
  RESTART_STATES,
  RESTART_TRANSITIONS,
} from './restart-state.ts'

describe('restart states', () => {
  it('have at most one transition for each event', () => {
    const keys = RESTART_TRANSITIONS.map(([from, event]) => `${from} ${event}`)
    expect(new Set(keys).size).toBe(keys.length)
  })

  it('are final once ended', () => {
    for (const state of RESTART_STATES.filter((s) => !isRestartOpen(s)))
      for (const event of RESTART_EVENTS) expect(nextRestartState(state, event)).toBeNull()
  })

  it('are all reachable, and each open one can end', () => {
    const reached = new Set<string>(['owed', ...RESTART_TRANSITIONS.map(([, , to]) => to)])
    expect([...reached].sort()).toEqual([...RESTART_STATES].sort())
    for (const state of RESTART_STATES.filter(isRestartOpen))
      expect(nextRestartState(state, 'gave_up')).toBe('given_up')
  })

  it('return to pending only if the agent refused the order', () => {
    const back = RESTART_TRANSITIONS.filter(([, , to]) => (to as string) === 'owed')
    expect(back).toEqual([['ordered', 'put_off', 'owed']])
  })
})
