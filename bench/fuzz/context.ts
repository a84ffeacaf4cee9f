/**
 * Shared by all surfaces of the fuzz run: where messages are sent, the values to send, and how findings are
 * reported.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Target } from './hub-process.ts'
import type { Values } from './values.ts'

/** Kinds of findings; none may happen. */
export type Finding = 'crash' | '5xx' | 'unauthenticated_effect' | 'unanswered' | 'log_error'
export type FuzzContext = {
  target: Target
  values: Values
  /** Counts one or more messages sent on this surface. */
  tried: (surface: string, messages?: number) => void
  found: (kind: Finding, what: string) => void
}
/** Sends one message, with a time limit. */
export type Send = () => Promise<void>

/**
 * Where the system treats loopback as a whole network, use any address in it; otherwise the limits per
 * address would be all that is tested.
 */
export const anyAddress = (values: Values): string | undefined =>
  process.platform === 'linux'
    ? `127.${1 + values.below(250)}.${values.below(250)}.${1 + values.below(250)}`
    : undefined

/** Shortens a value to one line, for messages. */
export const short = (value: unknown): string =>
  (typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value)))
    .replaceAll(/[^\x20-\x7e]/g, '?')
    .slice(0, 300)

/** Sends until the time is over, `atOnce` at a time, and waits for the last ones. */
export async function sendAll(
  sends: readonly (readonly [weight: number, one: Send])[],
  values: Values,
  untilMs: number,
  atOnce: number,
): Promise<void> {
  const total = sends.reduce((sum, [weight]) => sum + weight, 0)
  const next = (): Send => {
    let at = values.random() * total
    return (sends.find(([weight]) => (at -= weight) < 0) ?? sends[0]!)[1]
  }
  const worker = async (): Promise<void> => {
    while (Date.now() < untilMs) {
      await next()()
      // An immediate answer must not keep the other senders from getting a turn.
      await sleep(0)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

/** Any value as text: JSON, unless it is text already. */
export const asWord = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? '')

/** Text as a part of an address; broken surrogates cannot be encoded there. */
export const inUrl = (text: string): string =>
  encodeURIComponent(text.replaceAll(/\p{Cs}/gu, '\ufffd'))
