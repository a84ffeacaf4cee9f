import { expect, it } from 'vitest'
import { listInPieces } from './json-pieces.ts'

async function textOf(chunks: object[][]): Promise<string[]> {
  async function* source(): AsyncGenerator<object[]> {
    yield* chunks
  }
  const texts: string[] = []
  for await (const piece of listInPieces('items', source()).pieces) texts.push(piece)
  return texts
}

it.each([
  [[]],
  [[[]]],
  [[[{ a: 1 }]]],
  [[[{ a: 1 }, { a: '],[' }], [], [{ b: null }]]],
  [[[], [{ a: [] }], [{ a: {} }]]],
])('writes the same as JSON.stringify in one go: %j', async (chunks) => {
  const pieces = await textOf(chunks)
  expect(pieces.join('')).toBe(JSON.stringify({ items: chunks.flat() }))
})

it('writes a chunk before it reads the next', async () => {
  const read: number[] = []
  async function* source(): AsyncGenerator<object[]> {
    for (const a of [1, 2]) {
      read.push(a)
      yield [{ a }]
    }
  }
  const pieces = listInPieces('items', source()).pieces[Symbol.asyncIterator]()
  expect(await pieces.next()).toEqual({ done: false, value: '{"items":[{"a":1}' })
  expect(read).toEqual([1])
})
