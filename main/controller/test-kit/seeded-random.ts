/** The same randomness for the same seed. Not for secrets. */
import { createHash } from 'node:crypto'
import type { Random } from '#shared/node/random.ts'

export function createSeededRandom(seed: number): Random {
  let count = 0
  const block = (): Buffer => createHash('sha256').update(`${seed} ${count++}`).digest()
  const integer = (): number => block().readUIntBE(0, 6)
  function bytes(length: number): Buffer {
    const blocks: Buffer[] = []
    for (let made = 0; made < length; made += 32) blocks.push(block())
    return Buffer.concat(blocks).subarray(0, length)
  }
  return {
    bytes,
    uuid: () => {
      const hex = bytes(16).toString('hex')
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`
    },
    below: (limit) => integer() % limit,
    fraction: () => integer() / 2 ** 48,
  }
}
