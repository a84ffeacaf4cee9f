import { errorText } from '../lib/atomic-file.ts'

/** The error of `ws` when an upgrade gets an ordinary HTTP response. */
const REFUSED_UPGRADE = /^Unexpected server response: (\d{3})$/

/** Socket.IO wraps the cause of a failed connection in several layers. */
export function causeOf(error: Error): string {
  const inner = (error as { description?: { message?: unknown; error?: unknown } }).description
  const text =
    inner?.error instanceof Error
      ? errorText(inner.error)
      : typeof inner?.message === 'string'
        ? inner.message
        : error.message
  const status = REFUSED_UPGRADE.exec(text)?.[1]
  return status === undefined
    ? text
    : `it answers, but refuses WebSockets (HTTP ${status}), which the agent needs: a proxy or load balancer in front of the controller must pass on upgrades`
}
