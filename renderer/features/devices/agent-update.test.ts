import { describe, expect, it } from 'vitest'
import { lookOfUpdate, updateAction } from './agent-update.ts'
import { aDevice } from '../../test-kit.ts'

const update = (state: 'available' | 'updating' | 'failed' | 'unsupported') => ({
  version: '0.2.0',
  state,
  message: '',
})

describe('an agent update', () => {
  it('has its own icon and label in every state', () => {
    const looks = (['available', 'updating', 'failed'] as const).map((s) => lookOfUpdate(update(s)))
    expect(new Set(looks.map((look) => look.shape)).size).toBe(3)
    expect(new Set(looks.map((look) => look.label)).size).toBe(3)
    for (const { label } of looks) expect(label).toContain('0.2.0')
  })

  it('can be started when available or failed, on a PC that is online, approved and not blocked', () => {
    const action = (state: Parameters<typeof update>[0], change = {}) =>
      updateAction(aDevice({ agent_update: update(state), ...change }))
    expect(action('available')).toBe('Update agent')
    expect(action('failed')).toBe('Try again')
    for (const state of ['updating', 'unsupported'] as const) expect(action(state)).toBeNull()
    for (const change of [{ online: false }, { approved: false }, { blocked: true }])
      expect(action('available', change)).toBeNull()
    expect(updateAction(aDevice())).toBeNull()
  })
})
