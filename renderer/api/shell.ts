/** The environment of the console: the desktop app (through the bridge) or a browser. Pages ask here, never `window`. */
import { Preferences } from '#shared/contract/bridge.ts'
import type { Bridge, BridgeNoteName } from '#shared/contract/bridge.ts'

declare global {
  interface Window {
    deployx?: Bridge
  }
}

export type Shell = {
  kind: 'desktop' | 'browser'
  /** Null in a browser, where it makes no difference. */
  platform: 'windows' | 'macos' | 'linux' | null
  consoleUrl: string
  /** The code required to create the first account; null in a browser, where the user types it if one is needed. */
  setupCode: string | null
  about: { version: string; electron: string; dataDir: string } | null
  loadRefreshToken: () => Promise<string | null>
  saveRefreshToken: (token: string | null) => Promise<void>
  /** Whether the system keystore protects the refresh token. Null: not known yet, or a browser, which keeps it for one tab only. */
  isTokenProtected: () => boolean | null
  loadPreferences: () => Promise<Preferences>
  savePreferences: (change: Partial<Preferences>) => Promise<Preferences>
  /** Messages from the shell (menu, tray, notification). Returns a function that stops listening. */
  onNote: (listener: (name: BridgeNoteName, body: unknown) => void) => () => void
}

const DEFAULTS: Preferences = {
  theme: 'system',
  close_to_tray: true,
  notifications: true,
  open_at_login: false,
  sidebar_collapsed: false,
}
const TOKEN_KEY = 'deployx.refresh'
const PREFERENCES_KEY = 'deployx.preferences'

/** Queries the bridge once, if there is one. */
export async function openShell(): Promise<Shell> {
  return window.deployx ? openDesktop(window.deployx) : openBrowser()
}

async function openDesktop(bridge: Bridge): Promise<Shell> {
  const info = await bridge.call('app.info', undefined)
  if (!info.ok) throw new Error(info.error.message)
  let preferences = DEFAULTS
  let isTokenProtected: boolean | null = null
  return {
    kind: 'desktop',
    platform: info.data.platform,
    consoleUrl: info.data.console_url.replace(/\/$/, ''),
    setupCode: info.data.setup_code,
    about: {
      version: info.data.version,
      electron: info.data.electron,
      dataDir: info.data.data_dir,
    },
    loadRefreshToken: async () => {
      const reply = await bridge.call('session.load', undefined)
      return reply.ok ? reply.data.refresh_token : null
    },
    saveRefreshToken: async (token) => {
      const reply = await bridge.call('session.save', { refresh_token: token })
      isTokenProtected = reply.ok ? reply.data.protected : null
    },
    isTokenProtected: () => isTokenProtected,
    loadPreferences: async () => {
      const reply = await bridge.call('preferences.get', undefined)
      if (reply.ok) preferences = reply.data
      return preferences
    },
    savePreferences: async (change) => {
      const reply = await bridge.call('preferences.set', change)
      preferences = reply.ok ? reply.data : { ...preferences, ...change }
      return preferences
    },
    onNote: (listener) => bridge.on(listener),
  }
}

function openBrowser(): Shell {
  const read = (): Preferences => {
    try {
      const stored: unknown = JSON.parse(localStorage.getItem(PREFERENCES_KEY) ?? '{}')
      return Preferences.parse({ ...DEFAULTS, ...(stored as object) })
    } catch {
      return DEFAULTS
    }
  }
  return {
    kind: 'browser',
    platform: null,
    consoleUrl: location.origin,
    setupCode: null,
    about: null,
    loadRefreshToken: async () => sessionStorage.getItem(TOKEN_KEY),
    saveRefreshToken: async (token) => {
      if (token === null) sessionStorage.removeItem(TOKEN_KEY)
      else sessionStorage.setItem(TOKEN_KEY, token)
    },
    isTokenProtected: () => null,
    loadPreferences: async () => read(),
    savePreferences: async (change) => {
      const next = { ...read(), ...change }
      localStorage.setItem(PREFERENCES_KEY, JSON.stringify(next))
      return next
    },
    onNote: () => () => undefined,
  }
}
