/** The only place that talks to pages over IPC: receives calls and sends notes. */
import { ipcMain, type IpcMainInvokeEvent, type WebContents } from 'electron'
import type { Logger } from 'pino'
import type { z } from 'zod'
import {
  BRIDGE_CALL,
  BRIDGE_NOTE,
  bridgeNotes,
  type BridgeNoteName,
  type BridgeNotes,
} from '#shared/contract/bridge.ts'
import { isAppUrl } from './app-files.ts'
import { answerCall, refusal, type BridgeHandlers } from './bridge-calls.ts'

export type Bridge = ReturnType<typeof openBridge>

/**
 * Starts answering the page's calls. Only the main frame of a page at `app://deployx/` is answered.
 */
export function openBridge(handlers: BridgeHandlers, log: Logger) {
  ipcMain.handle(BRIDGE_CALL, async (event, name: unknown, input: unknown) => {
    if (!isTrusted(event)) {
      log.warn({ url: event.senderFrame?.url.slice(0, 200) }, 'an unknown page called the desktop')
      return refusal('E_FORBIDDEN', 'Only the console may call the desktop.')
    }
    return await answerCall(handlers, name, input, (error) =>
      log.error({ err: error, call: name }, 'a call of the page failed'),
    )
  })
  return {
    /** Sends a note to the page once it has loaded. A closed page gets nothing. */
    note<N extends BridgeNoteName>(
      page: WebContents,
      name: N,
      body: z.output<BridgeNotes[N]>,
    ): void {
      const checked = bridgeNotes[name].parse(body)
      const send = (): void => {
        if (!page.isDestroyed()) page.send(BRIDGE_NOTE, name, checked)
      }
      if (page.isDestroyed() || !page.isLoadingMainFrame()) send()
      else page.once('did-finish-load', send)
    },
  }
}

function isTrusted({ sender, senderFrame }: IpcMainInvokeEvent): boolean {
  return senderFrame !== null && senderFrame === sender.mainFrame && isAppUrl(senderFrame.url)
}
