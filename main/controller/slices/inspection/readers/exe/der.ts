/** The small part of DER (X.690) that signatures need: definite lengths, one-byte tags. Trusts no length. */

export type Der = {
  tag: number
  /** Including tag and length. */
  whole: Buffer
  content: Buffer
}

export const DER = {
  integer: 0x02,
  octets: 0x04,
  oid: 0x06,
  sequence: 0x30,
  set: 0x31,
  context0: 0xa0,
} as const

/** The element at the start of `bytes`. @throws RangeError when it is damaged, or outside this part of DER */
export function readDer(bytes: Buffer): Der {
  const tag = bytes[0]
  const first = bytes[1]
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) throw new RangeError('DER')
  let length = first
  let head = 2
  if (first >= 0x80) {
    const count = first & 0x7f
    if (count === 0 || count > 4 || bytes.length < 2 + count) throw new RangeError('DER')
    length = bytes.readUIntBE(2, count)
    head += count
  }
  if (head + length > bytes.length) throw new RangeError('DER')
  return {
    tag,
    whole: bytes.subarray(0, head + length),
    content: bytes.subarray(head, head + length),
  }
}

const CHILD_LIMIT = 1_000

/** The elements inside, in order. @throws RangeError when one is damaged, or there are too many */
export function childrenOf(parent: Der): Der[] {
  const found: Der[] = []
  for (let at = 0; at < parent.content.length;) {
    if (found.length === CHILD_LIMIT) throw new RangeError('DER')
    const child = readDer(parent.content.subarray(at))
    found.push(child)
    at += child.whole.length
  }
  return found
}

/** An object identifier in dotted form, such as `1.2.840.113549.1.7.2`. @throws RangeError when it is another type of element */
export function oidOf(element: Der): string {
  if (element.tag !== DER.oid || element.content.length === 0) throw new RangeError('DER')
  const parts: number[] = []
  let value = 0
  for (const byte of element.content) {
    value = value * 128 + (byte & 0x7f)
    if ((byte & 0x80) !== 0) continue
    if (parts.length === 0) {
      const first = Math.min(2, Math.floor(value / 40))
      parts.push(first, value - 40 * first)
    } else parts.push(value)
    value = 0
  }
  return parts.join('.')
}
