/**
 * The user's preferences and the window's state. Stored by electron-store in the user's own folder.
 */
import Store from 'electron-store'
import type { z } from 'zod'
import { Preferences } from '#shared/contract/bridge.ts'
import { DEFAULT_PREFERENCES, INITIAL_SHELL_STATE, ShellState, sound } from './stored-values.ts'

export type Remembered<T> = { get: () => T; set: (change: Partial<T>) => T }

function remember<T extends z.ZodRawShape>(
  folder: string,
  name: string,
  schema: z.ZodObject<T>,
  defaults: z.output<z.ZodObject<T>>,
): Remembered<z.output<z.ZodObject<T>>> {
  // Invalid JSON is reset: losing a theme must not prevent the start.
  const store = new Store({ cwd: folder, name, clearInvalidConfig: true })
  let value = sound(schema, defaults, store.store)
  return {
    get: () => value,
    set(change) {
      const next = schema.parse({ ...value, ...change })
      if (JSON.stringify(next) === JSON.stringify(value)) return value
      value = next
      store.store = { ...value }
      return value
    },
  }
}

/** @param folder the app's folder for this user */
export function openPreferences(folder: string): Remembered<Preferences> {
  return remember(folder, 'preferences', Preferences, DEFAULT_PREFERENCES)
}

/** @param folder the app's folder for this user */
export function openShellState(folder: string): Remembered<ShellState> {
  return remember(folder, 'window', ShellState, INITIAL_SHELL_STATE)
}
