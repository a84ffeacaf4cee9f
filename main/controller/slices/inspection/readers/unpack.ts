/** Unpacks small compressed parts within a limit, because a few bytes can expand to gigabytes. */
import { gunzipSync, inflateSync } from 'node:zlib'
import { Decompress } from 'fzstd'
import { AppError } from '#shared/contract/errors.ts'
import { unpackXz } from '#shared/node/xz.ts'
import { unreadable } from '../facts.ts'
import type { Window } from './window.ts'

export const UNPACKED_LIMIT_BYTES = 16 * 1024 * 1024
/** By default, zstd refuses more than 128 MiB; dpkg never writes more than 8 MiB. */
const ZSTD_WINDOW_LIMIT_BYTES = 8 * 1024 * 1024
const ZSTD_MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd])
const STEP_BYTES = 64 * 1024

const tooBig = () =>
  unreadable(`its control part unpacks to more than ${UNPACKED_LIMIT_BYTES / 1024 ** 2} MiB`)

function unpackGz(packed: Buffer): Buffer {
  try {
    return gunzipSync(packed, { maxOutputLength: UNPACKED_LIMIT_BYTES })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooBig()
    throw error
  }
}

/** Collects pieces up to the limit. */
function collector(window: Window) {
  const pieces: Uint8Array[] = []
  let total = 0
  return {
    add(piece: Uint8Array): void {
      total += piece.length
      if (total > UNPACKED_LIMIT_BYTES) throw tooBig()
      window.spend(piece.length)
      if (piece.length > 0) pieces.push(piece)
    },
    whole(): Buffer {
      window.spend(total)
      return Buffer.concat(pieces)
    },
  }
}

async function unpackWholeXz(packed: Buffer, window: Window): Promise<Buffer> {
  const out = collector(window)
  for await (const piece of unpackXz([packed])) out.add(piece)
  return out.whole()
}

/** How many bytes of history the frame at `at` makes the decoder keep (RFC 8878, 3.1.1.1). */
function zstdWindowBytes(packed: Buffer, at: number): number {
  const descriptor = packed[at + 4] ?? 0
  const isSingle = (descriptor & 0x20) !== 0
  if (!isSingle) {
    const byte = packed[at + 5] ?? 0
    const base = 2 ** (10 + (byte >>> 3))
    return base + (base / 8) * (byte & 7)
  }
  const sizeAt = at + 5 + [0, 1, 2, 4][descriptor & 3]!
  const sizeBytes = [1, 2, 4, 8][descriptor >>> 6]!
  if (sizeAt + sizeBytes > packed.length) return 0
  if (sizeBytes === 8) return Number(packed.readBigUInt64LE(sizeAt))
  return packed.readUIntLE(sizeAt, sizeBytes) + (sizeBytes === 2 ? 256 : 0)
}

function unpackZst(packed: Buffer, window: Window): Buffer {
  // The decoder allocates what a frame claims before it has read any content.
  for (let at = packed.indexOf(ZSTD_MAGIC); at >= 0; at = packed.indexOf(ZSTD_MAGIC, at + 4)) {
    const windowBytes = zstdWindowBytes(packed, at)
    if (windowBytes > UNPACKED_LIMIT_BYTES) throw tooBig()
    if (windowBytes > ZSTD_WINDOW_LIMIT_BYTES && at > 0) throw tooBig()
  }
  const out = collector(window)
  const stream = new Decompress((piece) => out.add(piece))
  for (let at = 0; at < packed.length; at += STEP_BYTES)
    stream.push(packed.subarray(at, at + STEP_BYTES), at + STEP_BYTES >= packed.length)
  return out.whole()
}

/** @throws AppError E_PACKAGE_UNREADABLE: unknown compression, damaged, or larger than the limit; E_PACKAGE_LIMIT */
export async function unpack(packed: Buffer, extension: string, window: Window): Promise<Buffer> {
  try {
    switch (extension) {
      case '':
        return packed
      case '.gz':
        window.spend(UNPACKED_LIMIT_BYTES)
        return unpackGz(packed)
      case '.xz':
        return await unpackWholeXz(packed, window)
      case '.zst':
        return unpackZst(packed, window)
    }
  } catch (error) {
    if (error instanceof AppError) throw error
    throw unreadable('its control part is damaged and cannot be unpacked', error)
  }
  throw unreadable(`its control part is packed in a way that is not known (${extension})`)
}

/** Unpacks a zlib stream of at most this many bytes. @throws AppError E_PACKAGE_UNREADABLE, E_PACKAGE_LIMIT */
export function inflated(packed: Buffer, limitBytes: number, what: string, window: Window): Buffer {
  window.spend(limitBytes)
  try {
    return inflateSync(packed, { maxOutputLength: limitBytes })
  } catch (error) {
    throw unreadable(`${what} is damaged, or larger than is read`, error)
  }
}
