/**
 * Whether a RAR archive is whole. Its blocks follow each other, and a block of its own ends it (rarlab.com/technote.htm for RAR 5;
 * technote.txt of RAR 4 for older ones).
 */
import { cutOff } from '../../facts.ts'
import type { Window } from '../window.ts'

const RAR4 = '526172211a0700'
const RAR5 = '526172211a070100'
const BLOCK_LIMIT = 20_000
const HEAD_BYTES = 64
const NUMBER_BYTES = 10

/** `encrypted`: its list of files cannot be read without a password. `unknown`: it has too many files to follow them all. */
export type RarState = 'whole' | 'damaged' | 'encrypted' | 'unknown'
/** `next`: where the following block begins. Null: damaged. */
type Block = { kind: 'end' | 'encrypted' | 'other'; next: number } | null

/** A number of RAR 5: seven bits a byte, the lowest first. Null: it does not end. */
function numberAt(bytes: Buffer, from: number): { value: number; at: number } | null {
  let value = 0
  for (let i = 0; i < NUMBER_BYTES && from + i < bytes.length; i++) {
    const byte = bytes[from + i]!
    value += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) return { value, at: from + i + 1 }
  }
  return null
}

function block5(head: Buffer, at: number): Block {
  const [ENCRYPTED, END] = [4, 5]
  const size = numberAt(head, 4)
  const type = size && numberAt(head, size.at)
  const flags = type && numberAt(head, type.at)
  if (!size || !flags || size.value < 2) return null
  const extra = (flags.value & 1) === 0 ? flags : numberAt(head, flags.at)
  const data = extra && (flags.value & 2) !== 0 ? numberAt(head, extra.at) : null
  if (!extra || ((flags.value & 2) !== 0 && !data)) return null
  const kind = type.value === END ? 'end' : type.value === ENCRYPTED ? 'encrypted' : 'other'
  return { kind, next: at + size.at + size.value + (data?.value ?? 0) }
}

function block4(head: Buffer, at: number): Block {
  const [MAIN, FILE, SUBBLOCK, END] = [0x73, 0x74, 0x7a, 0x7b]
  const type = head[2]!
  if (head.length < 7 || type < 0x72 || type > END) return null
  const flags = head.readUInt16LE(3)
  const size = head.readUInt16LE(5)
  if (size < 7) return null
  const hasData = (flags & 0x8000) !== 0 || type === FILE || type === SUBBLOCK
  if (hasData && head.length < 11) return null
  const low = hasData ? head.readUInt32LE(7) : 0
  const isLarge = (type === FILE || type === SUBBLOCK) && (flags & 0x100) !== 0
  const high = isLarge && head.length >= 36 ? head.readUInt32LE(32) : 0
  const kind = type === END ? 'end' : type === MAIN && (flags & 0x80) !== 0 ? 'encrypted' : 'other'
  return { kind, next: at + size + low + high * 2 ** 32 }
}

/** Null: no archive. @throws AppError E_PACKAGE_UNREADABLE when it is cut off */
export function rarState(
  window: Window,
  { at, sizeBytes }: { at: number; sizeBytes: number },
): RarState | null {
  const mark = window.read(at, Math.min(sizeBytes, RAR5.length / 2)).toString('hex')
  const end = at + sizeBytes
  if (mark.length >= 8 && mark.length < RAR4.length && RAR4.startsWith(mark))
    throw cutOff('this archive', at + RAR4.length / 2, end)
  const isNew = mark === RAR5
  if (!isNew && !mark.startsWith(RAR4)) return null
  let from = at + (isNew ? RAR5 : RAR4).length / 2
  for (let i = 0; i < BLOCK_LIMIT && window.leftMs() > 0; i++) {
    // Each ends with a block of its own, except the oldest.
    if (from === end) return 'damaged'
    const head = window.read(from, Math.min(HEAD_BYTES, end - from))
    const block = (isNew ? block5 : block4)(head, from)
    if (!block) return 'damaged'
    if (block.next > end) throw cutOff('this archive', block.next, end)
    if (block.kind === 'end') return 'whole'
    if (block.kind === 'encrypted') return 'encrypted'
    from = block.next
  }
  return 'unknown'
}
