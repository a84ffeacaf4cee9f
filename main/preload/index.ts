/**
 * The two channels between page and desktop: calls to the desktop, events to the page. Only types from shared, so that
 * nothing is bundled here.
 */
import { contextBridge, ipcRenderer } from 'electron'
import type { Bridge, BRIDGE_CALL, BRIDGE_NOTE, BridgeNoteName } from '#shared/contract/bridge.ts'

const call: typeof BRIDGE_CALL = 'deployx:call'
const note: typeof BRIDGE_NOTE = 'deployx:note'

type Listener = Parameters<Bridge['on']>[0]
const listeners = new Set<Listener>()
/** A notification may be clicked before the page listens. The latest few are kept until it does. */
let early: Parameters<Listener>[] = []
const MAX_EARLY_NOTES = 10

ipcRenderer.on(note, (_event, name: BridgeNoteName, body: unknown) => {
  if (listeners.size === 0)
    early = [...early, [name, body] as [BridgeNoteName, unknown]].slice(-MAX_EARLY_NOTES)
  else listeners.forEach((listener) => listener(name, body))
})

const bridge: Bridge = {
  call: (name, input) => ipcRenderer.invoke(call, name, input),
  on: (listener) => {
    listeners.add(listener)
    early.splice(0).forEach(([name, body]) => listener(name, body))
    return () => listeners.delete(listener)
  },
}

contextBridge.exposeInMainWorld('deployx', bridge)
