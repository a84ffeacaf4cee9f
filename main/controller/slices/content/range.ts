/**
 * One byte range of a request (RFC 9110, section 14). Several ranges, other units and malformed
 * ones are ignored, as the RFC allows.
 */
export type ByteRange = { from: number; to: number }

/**
 * @returns the range (both ends inclusive), `whole` if there is none to honour, `unsatisfiable` for
 * 416
 */
export function parseRange(
  header: string | undefined,
  sizeBytes: number,
): ByteRange | 'whole' | 'unsatisfiable' {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '')
  if (!match) return 'whole'
  const [, first = '', last = ''] = match
  if (first === '' && last === '') return 'whole'
  if (first === '') {
    const length = Math.min(Number(last), sizeBytes)
    return length === 0 ? 'unsatisfiable' : { from: sizeBytes - length, to: sizeBytes - 1 }
  }
  const from = Number(first)
  if (last !== '' && Number(last) < from) return 'whole'
  if (from >= sizeBytes) return 'unsatisfiable'
  return { from, to: last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1) }
}
