/** What every surface of the fuzz run shares: whom it throws at, what it throws, and where it tells what it saw. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Target } from './hub-process.ts'
import type { Values } from './values.ts'

/** Kinds of findings; none may happen. */
export type Finding = 'crash' | '5xx' | 'unauthenticated_effect' | 'unanswered' | 'log_error'
export type Field = {
  target: Target
  values: Values
  /** One more message tried on this surface. */
  tried: (surface: string, messages?: number) => void
  found: (kind: Finding, what: string) => void
}
/** One throw, bounded in time. */
export type Throw = () => Promise<void>

/** Loopback is a whole network where the system says so: limits per address must not be what is tried all the time. */
export const anyAddress = (values: Values): string | undefined =>
  process.platform === 'linux'
    ? `127.${1 + values.below(250)}.${values.below(250)}.${1 + values.below(250)}`
    : undefined

/** For messages: short and in one line. */
export const short = (value: unknown): string =>
  (typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value)))
    .replaceAll(/[^\x20-\x7e]/g, '?')
    .slice(0, 300)

/** Throws until the time is over, `atOnce` at a time, and waits for the last ones. */
export async function throwAll(
  throws: readonly (readonly [weight: number, one: Throw])[],
  values: Values,
  untilMs: number,
  atOnce: number,
): Promise<void> {
  const total = throws.reduce((sum, [weight]) => sum + weight, 0)
  const next = (): Throw => {
    let at = values.random() * total
    return (throws.find(([weight]) => (at -= weight) < 0) ?? throws[0]!)[1]
  }
  const worker = async (): Promise<void> => {
    while (Date.now() < untilMs) {
      await next()()
      // Whoever answers at once must not keep everybody else from having a turn.
      await sleep(0)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

/** Any value as text: JSON, unless it is text. */
export const asWord = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? '')

/** Text as a part of an address; broken surrogates cannot be written there. */
export const inUrl = (text: string): string =>
  encodeURIComponent(text.replaceAll(/\p{Cs}/gu, '\ufffd'))
