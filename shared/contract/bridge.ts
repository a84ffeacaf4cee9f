/**
 * The desktop bridge: what the page may request from the Electron shell. Native features only; everything about deployments goes
 * over REST. Each call is written once with the schemas of its input and reply; preload exposes two functions (`call`, `on`) and
 * imports types only.
 */
import { z } from 'zod'
import { DeploymentId } from '../domain/ids.ts'

export const BRIDGE_CALL = 'deployx:call'
export const BRIDGE_NOTE = 'deployx:note'

export const Theme = z.enum(['system', 'light', 'dark'])
export type Theme = z.infer<typeof Theme>

export const Preferences = z.object({
  theme: Theme,
  close_to_tray: z.boolean(),
  notifications: z.boolean(),
  open_at_login: z.boolean(),
  sidebar_collapsed: z.boolean(),
})
export type Preferences = z.infer<typeof Preferences>

export const bridgeCalls = {
  /** Where the controller listens, and facts about this shell. Called once at the start. */
  'app.info': {
    input: z.undefined(),
    reply: z.object({
      console_url: z.url(),
      platform: z.enum(['windows', 'macos', 'linux']),
      version: z.string(),
      electron: z.string(),
      data_dir: z.string(),
      /** The code that the first account must repeat; only the app's own window receives it. */
      setup_code: z.string(),
    }),
  },
  /** The refresh token, from the system keystore if there is one. Null: nobody is signed in. */
  'session.load': {
    input: z.undefined(),
    reply: z.object({ refresh_token: z.string().nullable() }),
  },
  'session.save': {
    input: z.object({ refresh_token: z.string().min(1).max(512).nullable() }),
    reply: z.object({ protected: z.boolean() }),
  },
  'preferences.get': { input: z.undefined(), reply: Preferences },
  'preferences.set': { input: Preferences.partial(), reply: Preferences },
  /** Opens a page of the project in the system's browser. Only names from this list. */
  'app.open_help': {
    input: z.object({ topic: z.enum(['guide', 'licence']) }),
    reply: z.object({ opened: z.boolean() }),
  },
} as const satisfies Record<string, { input: z.ZodType; reply: z.ZodType }>

export const bridgeNotes = {
  /** A notification or a tray entry was clicked: show this deployment. */
  'open.deployment': z.object({ deployment_id: DeploymentId }),
  /** A menu item of the app: show this page. */
  'open.page': z.object({
    page: z.enum([
      'dashboard',
      'deployments',
      'new-deployment',
      'devices',
      'add-devices',
      'software',
      'settings',
      'search',
      'toggle-sidebar',
    ]),
  }),
} as const satisfies Record<string, z.ZodType>

export type BridgeCalls = typeof bridgeCalls
export type BridgeCallName = keyof BridgeCalls
export type BridgeNotes = typeof bridgeNotes
export type BridgeNoteName = keyof BridgeNotes

export type BridgeResult<T> =
  { ok: true; data: T } | { ok: false; error: { code: string; message: string } }

/** What preload puts on `window.deployx`. */
export type Bridge = {
  call: <N extends BridgeCallName>(
    name: N,
    input: z.input<BridgeCalls[N]['input']>,
  ) => Promise<BridgeResult<z.output<BridgeCalls[N]['reply']>>>
  /** Returns the function that stops listening. */
  on: (listener: (name: BridgeNoteName, body: unknown) => void) => () => void
}
