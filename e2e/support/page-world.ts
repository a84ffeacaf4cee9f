/**
 * Types for scripts that a spec runs inside the page. The specs are Node programs, so the DOM types do not
 * apply to them.
 */
import type { Page } from '@playwright/test'
import type {
  Bridge,
  BridgeCallName,
  BridgeCalls,
  BridgeNoteName,
  BridgeResult,
} from '#shared/contract/bridge.ts'
import type { z } from 'zod'

/** In the page: `globalThis as unknown as PageWorld`. */
export type PageWorld = {
  deployx: Bridge
  location: { href: string; hash: string; assign: (address: string) => void }
  open: (address: string) => unknown
  navigator: {
    clipboard: { writeText: (text: string) => Promise<void>; readText: () => Promise<string> }
    permissions: { query: (what: { name: string }) => Promise<{ state: string }> }
  }
  document: {
    body: { append: (element: unknown) => void }
    createElement: (name: string) => {
      textContent: string
      href: string
      src: string
      target: string
      click: () => void
    }
  }
  /** Filled by scripts of a spec. */
  seen?: unknown[]
}

/** Calls the desktop as the page does. */
export async function callBridge<N extends BridgeCallName>(
  page: Page,
  name: N,
  input: z.input<BridgeCalls[N]['input']>,
): Promise<BridgeResult<z.output<BridgeCalls[N]['reply']>>> {
  return (await callBridgeRaw(page, name, input)) as BridgeResult<z.output<BridgeCalls[N]['reply']>>
}

/** Calls the desktop with any name and input. */
export async function callBridgeRaw(
  page: Page,
  name: unknown,
  input: unknown,
): Promise<BridgeResult<unknown>> {
  return await page.evaluate(
    ([callName, callInput]) =>
      (globalThis as unknown as PageWorld).deployx.call(
        callName as BridgeCallName,
        callInput as never,
      ),
    [name, input] as const,
  )
}

/** Collects the events that the desktop sends from now on. */
export async function listenToNotes(
  page: Page,
): Promise<() => Promise<[BridgeNoteName, unknown][]>> {
  await page.evaluate(() => {
    const world = globalThis as unknown as PageWorld
    const seen: unknown[] = []
    world.seen = seen
    world.deployx.on((name, body) => void seen.push([name, body]))
  })
  return async () =>
    (await page.evaluate(() => (globalThis as unknown as PageWorld).seen ?? [])) as [
      BridgeNoteName,
      unknown,
    ][]
}
