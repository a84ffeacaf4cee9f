/** Unpacks small compressed members, bounded: a few bytes can claim to be gigabytes. */
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { Decompress } from 'fzstd'
// A CommonJS package: Node finds its exports behind the default import only.
import xz from 'xz-decompress'
import { unreadable } from './facts.ts'

export const UNPACKED_LIMIT_BYTES = 16 * 1024 * 1024
/** The hub's loop runs in the same thread: it gets its turn after so much output. */
const SLICE_BYTES = 512 * 1024

const tooBig = () =>
  unreadable(`its control part unpacks to more than ${UNPACKED_LIMIT_BYTES / 1024 ** 2} MiB`)
const breathe = () => new Promise((resolve) => setImmediate(resolve))

async function unpackGz(packed: Buffer): Promise<Buffer> {
  try {
    return await promisify(gunzip)(packed, { maxOutputLength: UNPACKED_LIMIT_BYTES })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooBig()
    throw error
  }
}

/** Collects pieces up to the limit. */
function collector() {
  const pieces: Uint8Array[] = []
  let total = 0
  let sinceBreath = 0
  return {
    add(piece: Uint8Array): void {
      total += piece.length
      sinceBreath += piece.length
      if (total > UNPACKED_LIMIT_BYTES) throw tooBig()
      if (piece.length > 0) pieces.push(piece)
    },
    breathe: async (): Promise<void> => {
      if (sinceBreath < SLICE_BYTES) return
      sinceBreath = 0
      await breathe()
    },
    whole: () => Buffer.concat(pieces),
  }
}

async function unpackXz(packed: Buffer): Promise<Buffer> {
  const out = collector()
  const input = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(packed)
      controller.close()
    },
  })
  const reader = new xz.XzReadableStream(input).getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return out.whole()
      out.add(value)
      await out.breathe()
    }
  } catch (error) {
    await reader.cancel().catch(() => undefined)
    throw error
  }
}

async function unpackZst(packed: Buffer): Promise<Buffer> {
  const out = collector()
  const stream = new Decompress((piece) => out.add(piece))
  const step = 64 * 1024
  for (let at = 0; at < packed.length; at += step) {
    stream.push(packed.subarray(at, at + step), at + step >= packed.length)
    await out.breathe()
  }
  return out.whole()
}

/** @throws AppError E_PACKAGE_UNREADABLE: unknown compression, damaged, or larger than the limit */
export async function unpack(packed: Buffer, extension: string): Promise<Buffer> {
  try {
    switch (extension) {
      case '':
        return packed
      case '.gz':
        return await unpackGz(packed)
      case '.xz':
        return await unpackXz(packed)
      case '.zst':
        return await unpackZst(packed)
    }
  } catch (error) {
    if ((error as { code?: unknown }).code === 'E_PACKAGE_UNREADABLE') throw error
    throw unreadable('its control part is damaged and cannot be unpacked', error)
  }
  throw unreadable(`its control part is packed in a way that is not known (${extension})`)
}
