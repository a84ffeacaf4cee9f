/**
 * Buffers of 1 MiB with pieces of content: read once, sent to all downloads of the same piece, and
 * cached until the space is needed. Bounded; a buffer in use by a download is never overwritten.
 */
import { CHUNK_BYTES } from '#shared/domain/defaults.ts'

export type Block = {
  buffer: Buffer
  /** Number of bytes filled. */
  sizeBytes: number
  /** Downloads that are reading it. */
  users: number
  key: string
  ready: Promise<void>
}
export type BlockPool = ReturnType<typeof createBlockPool>

/** @param capacity number of blocks; must cover two per concurrent download */
export function createBlockPool(capacity: number) {
  /** Least recently used first. */
  const blocks = new Map<string, Block>()
  const free: Buffer[] = []
  let allocated = 0

  function takeBuffer(): Buffer {
    const spare = free.pop()
    if (spare) return spare
    if (allocated < capacity) {
      allocated++
      return Buffer.allocUnsafeSlow(CHUNK_BYTES)
    }
    for (const block of blocks.values()) {
      if (block.users > 0) continue
      blocks.delete(block.key)
      return block.buffer
    }
    throw new Error('every block is in use: more downloads are running than the pool supports')
  }

  const release = (block: Block): void => {
    block.users--
  }

  return {
    /**
     * The block `index` of this file, filled. Return it with `release`.
     * @param file names one version of a content: `<SHA-256>/<version>`
     * @param load fills the buffer and returns the number of bytes; called only if the block is not
     * cached
     */
    async acquire(
      file: string,
      index: number,
      load: (buffer: Buffer) => Promise<number>,
    ): Promise<Block> {
      const key = `${file}/${index}`
      let block = blocks.get(key)
      if (block) {
        block.users++
        blocks.delete(key)
      } else {
        const made: Block = {
          buffer: takeBuffer(),
          sizeBytes: 0,
          users: 1,
          key,
          ready: Promise.resolve(),
        }
        made.ready = load(made.buffer).then((sizeBytes) => {
          made.sizeBytes = sizeBytes
        })
        block = made
      }
      blocks.set(key, block)
      try {
        await block.ready
        return block
      } catch (error) {
        release(block)
        // Nothing may find the broken block; its buffer returns to the pool with the last waiting
        // reader.
        if (blocks.get(key) === block) blocks.delete(key)
        if (block.users === 0) free.push(block.buffer)
        throw error
      }
    },
    release,
    /** Drops the cached blocks of removed content. */
    forget(sha256: string): void {
      for (const block of blocks.values())
        if (block.users === 0 && block.key.startsWith(sha256)) {
          blocks.delete(block.key)
          free.push(block.buffer)
        }
    },
    /** For tests and the log: how many blocks exist, and how many are in use. */
    usage: () => ({
      allocated,
      inUse: [...blocks.values()].filter((block) => block.users > 0).length,
    }),
  }
}
