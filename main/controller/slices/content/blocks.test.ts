import { describe, expect, it } from 'vitest'
import type { Sha256 } from '#shared/domain/ids.ts'
import { createBlockPool } from './blocks.ts'

const A = 'a'.repeat(64) as Sha256
const B = 'b'.repeat(64) as Sha256
const fillWith = (byte: number) => async (buffer: Buffer) => {
  buffer.fill(byte, 0, 10)
  return 10
}

describe('the pool of blocks', () => {
  it('reads a block once for all concurrent readers', async () => {
    const pool = createBlockPool(4)
    let reads = 0
    const load = async (buffer: Buffer) => {
      reads++
      await new Promise((resolve) => setTimeout(resolve, 10))
      return fillWith(7)(buffer)
    }
    const [one, two] = await Promise.all([pool.acquire(A, 0, load), pool.acquire(A, 0, load)])
    expect(reads).toBe(1)
    expect(one).toBe(two)
    expect(one.users).toBe(2)
    expect(one.sizeBytes).toBe(10)
  })

  it('keeps an unused block until its space is needed, and evicts the least recently used one first', async () => {
    const pool = createBlockPool(2)
    pool.release(await pool.acquire(A, 0, fillWith(1)))
    pool.release(await pool.acquire(A, 1, fillWith(2)))
    pool.release(await pool.acquire(A, 0, () => Promise.reject(new Error('must not be read'))))
    pool.release(await pool.acquire(A, 2, fillWith(3))) // evicts block 1
    pool.release(await pool.acquire(A, 0, () => Promise.reject(new Error('must not be read'))))
    let reads = 0
    pool.release(await pool.acquire(A, 1, async (buffer) => (reads++, fillWith(2)(buffer))))
    expect(reads).toBe(1)
    expect(pool.usage()).toEqual({ allocated: 2, inUse: 0 })
  })

  it('never overwrites a block that is in use', async () => {
    const pool = createBlockPool(1)
    const block = await pool.acquire(A, 0, fillWith(1))
    await expect(pool.acquire(B, 0, fillWith(2))).rejects.toThrow('every block is in use')
    expect(block.buffer[0]).toBe(1)
    pool.release(block)
    const next = await pool.acquire(B, 0, fillWith(2))
    expect(next.buffer[0]).toBe(2)
  })

  it('reports a failed read to all waiting readers, without losing capacity', async () => {
    const pool = createBlockPool(1)
    const fail = () =>
      new Promise<number>((_, reject) => setTimeout(() => reject(new Error('cannot read')), 5))
    const both = await Promise.allSettled([pool.acquire(A, 0, fail), pool.acquire(A, 0, fail)])
    expect(both.map((r) => r.status)).toEqual(['rejected', 'rejected'])
    const block = await pool.acquire(A, 0, fillWith(5))
    expect(block.buffer[0]).toBe(5)
    expect(pool.usage()).toEqual({ allocated: 1, inUse: 1 })
  })

  it('drops the blocks of removed content', async () => {
    const pool = createBlockPool(2)
    pool.release(await pool.acquire(A, 0, fillWith(1)))
    pool.forget(A)
    let reads = 0
    pool.release(await pool.acquire(A, 0, async (buffer) => (reads++, fillWith(1)(buffer))))
    expect(reads).toBe(1)
    expect(pool.usage().allocated).toBe(1)
  })
})
