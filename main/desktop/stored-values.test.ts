import { expect, it } from 'vitest'
import { Preferences } from '#shared/contract/bridge.ts'
import { DEFAULT_PREFERENCES, INITIAL_SHELL_STATE, ShellState, sound } from './stored-values.ts'

it('uses every valid field and the default for the others', () => {
  const stored = { theme: 'dark', close_to_tray: 'yes', notifications: false, unknown: 1 }
  expect(sound(Preferences, DEFAULT_PREFERENCES, stored)).toEqual({
    ...DEFAULT_PREFERENCES,
    theme: 'dark',
    notifications: false,
  })
})

it.each([undefined, null, 'text', 7, [], { __proto__: { theme: 'dark' } }])(
  'uses the defaults for a file that contains %j',
  (stored) => {
    expect(sound(Preferences, DEFAULT_PREFERENCES, stored)).toEqual(DEFAULT_PREFERENCES)
  },
)

it('drops an invalid window position', () => {
  const window = { x: 0, y: 0, width: -5, height: 700, maximized: false }
  expect(sound(ShellState, INITIAL_SHELL_STATE, { window, tray_explained: true })).toEqual({
    window: null,
    tray_explained: true,
  })
})
