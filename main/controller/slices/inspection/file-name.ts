/**
 * Safe names for uploaded or fetched files: one path component, valid on every platform. The controller never uses them as
 * paths.
 */
import { replaceMisleading } from '#shared/domain/plain-text.ts'

const MAX_BYTES = 255
/** Names that Windows treats as devices, with any extension. */
const DEVICE_NAME = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)/i

/** Cuts a name to 255 bytes of UTF-8, and keeps an extension of at most 20 characters (with its dot). */
function shorten(name: string): string {
  if (Buffer.byteLength(name) <= MAX_BYTES) return name
  const dot = name.lastIndexOf('.')
  const extension = dot > 0 && name.length - dot <= 20 ? name.slice(dot) : ''
  let stem = extension ? name.slice(0, dot) : name
  while (Buffer.byteLength(stem) + Buffer.byteLength(extension) > MAX_BYTES)
    stem = [...stem].slice(0, -1).join('')
  return stem + extension
}

/** Windows drops spaces and dots at the end of a name. */
function withoutTrailingDotsAndSpaces(name: string): string {
  let end = name.length
  while (end > 0 && /[\s.]/.test(name[end - 1]!)) end--
  return name.slice(0, end)
}

/** The last component of `received`, cleaned; `installer` when nothing usable is left. */
export function cleanFileName(received: string): string {
  const last = received.slice(0, 4096).split(/[/\\]/).at(-1) ?? ''
  const cleaned = withoutTrailingDotsAndSpaces(
    replaceMisleading(last.normalize('NFC'))
      .replaceAll('\ufffd', '')
      .replaceAll(/[<>:"|?*]/g, '_')
      .replace(/^[\s]+/, ''),
  )
  if (cleaned === '') return 'installer'
  return shorten(DEVICE_NAME.test(cleaned) ? `_${cleaned}` : cleaned)
}
