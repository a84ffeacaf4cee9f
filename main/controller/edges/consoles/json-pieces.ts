/** JSON replies that are written and sent piece by piece, with turns for other work in between. */

/** The pieces of a reply of this type. */
export class JsonPieces<Reply> {
  /** Only for the compiler. */
  declare readonly reply: Reply
  readonly pieces: AsyncIterable<string>
  constructor(pieces: AsyncIterable<string>) {
    this.pieces = pieces
  }
}

/** An object with one list, whose items arrive in chunks. */
export function listInPieces<Key extends string, Item extends object>(
  key: Key,
  chunks: AsyncIterable<Item[]>,
): JsonPieces<Record<Key, Item[]>> {
  async function* pieces(): AsyncGenerator<string> {
    let before = `{${JSON.stringify(key)}:[`
    for await (const items of chunks) {
      if (items.length === 0) continue
      yield before + JSON.stringify(items).slice(1, -1)
      before = ','
    }
    yield before === ',' ? ']}' : `${before}]}`
  }
  return new JsonPieces(pieces())
}
