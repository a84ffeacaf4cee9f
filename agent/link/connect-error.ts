import { errorText } from '../lib/atomic-file.ts'

/** Socket.IO hides the cause of a failed connection in layers. */
export function causeOf(error: Error): string {
  const inner = (error as { description?: { message?: unknown; error?: unknown } }).description
  if (inner?.error instanceof Error) return errorText(inner.error)
  return typeof inner?.message === 'string' ? inner.message : error.message
}
