/** Decompresses xz streams. */
import { Readable } from 'node:stream'
// A CommonJS package: in Node, its exports are available only through the default import.
import xz from 'xz-decompress'

/**
 * Bounds its own memory: the library refuses dictionaries of more than 64 MiB.
 * @throws Error if the data is not valid xz; errors of `source`
 */
export async function* unpackXz(
  source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const packed = Readable.toWeb(Readable.from(source)) as ReadableStream<Uint8Array>
  const reader = new xz.XzReadableStream(packed).getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}
