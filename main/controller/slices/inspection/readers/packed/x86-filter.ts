/**
 * LZMA's filter for x86 programs (LZMA SDK, C/Bra86.c, public domain). The packer made the targets of calls and jumps absolute.
 * Unless that is undone, the unpacked bytes after an E8 or E9 are wrong.
 */
const CALL = 0xe8
const JUMP = 0xe9
const isEdge = (byte: number): boolean => byte === 0 || byte === 0xff
/** Both are indexed by the mask, whose bits mark the earlier bytes that looked like a call. */
const ALLOWED = [true, true, true, false, true, false, false, false]
const SHIFT = [0, 1, 2, 2, 3, 3, 3, 3]

/** Undoes the filter, in place. */
export function unfilterX86(bytes: Buffer): Buffer {
  let mask = 0
  let previous = -1
  for (let at = 0; at + 5 <= bytes.length;) {
    if (bytes[at] !== CALL && bytes[at] !== JUMP) {
      at++
      continue
    }
    const distance = at - previous
    previous = at
    mask = distance > 3 ? 0 : (mask << (distance - 1)) & 7
    if (mask !== 0) {
      const edge = bytes[at + 4 - SHIFT[mask]!]!
      if (!ALLOWED[mask] || isEdge(edge)) {
        mask = ((mask << 1) & 7) | 1
        at++
        continue
      }
    }
    if (!isEdge(bytes[at + 4]!)) {
      mask = ((mask << 1) & 7) | 1
      at++
      continue
    }
    let source = bytes.readUInt32LE(at + 1)
    let target: number
    for (;;) {
      target = (source - (at + 5)) >>> 0
      if (mask === 0) break
      const shift = 8 * SHIFT[mask]!
      if (!isEdge((target >>> (24 - shift)) & 0xff)) break
      source = (target ^ (2 ** (32 - shift) - 1)) >>> 0
    }
    target &= 0x01ffffff
    bytes.writeUInt32LE(((target & 0x01000000) !== 0 ? target | 0xff000000 : target) >>> 0, at + 1)
    at += 5
    previous = at - 1
    mask = 0
  }
  return bytes
}
