import { expect, it } from 'vitest'
import { Preferences } from '#shared/contract/bridge.ts'
import { DEFAULT_PREFERENCES, INITIAL_SHELL_STATE, ShellState, sound } from './stored-values.ts'

it('takes every field that fits and the default for every other', () => {
  const stored = { theme: 'dark', close_to_tray: 'yes', notifications: false, unknown: 1 }
  expect(sound(Preferences, DEFAULT_PREFERENCES, stored)).toEqual({
    ...DEFAULT_PREFERENCES,
    theme: 'dark',
    notifications: false,
  })
})

it.each([undefined, null, 'text', 7, [], { __proto__: { theme: 'dark' } }])(
  'takes the defaults for a file that holds %j',
  (stored) => {
    expect(sound(Preferences, DEFAULT_PREFERENCES, stored)).toEqual(DEFAULT_PREFERENCES)
  },
)

it('forgets a place of the window that makes no sense', () => {
  const window = { x: 0, y: 0, width: -5, height: 700, maximized: false }
  expect(sound(ShellState, INITIAL_SHELL_STATE, { window, tray_explained: true })).toEqual({
    window: null,
    tray_explained: true,
  })
})
