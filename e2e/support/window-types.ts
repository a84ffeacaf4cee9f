import type { Bridge } from '#shared/contract/bridge.ts'

/** What scripts that run inside the page see. */
declare global {
  var deployx: Bridge | undefined
  interface Window {
    deployx?: Bridge
  }
}
