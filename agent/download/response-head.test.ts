import { describe, expect, it } from 'vitest'
import { parseResponseHead } from './response-head.ts'

const parse = (text: string) => parseResponseHead(Buffer.from(text, 'latin1'))
const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 5'

describe('the head of an answer', () => {
  it('contains status, headers and length, with names in any case', () => {
    const head = parse(
      'HTTP/1.1 206 Partial Content\r\nContent-Length: 12\r\nCONTENT-RANGE:bytes 3-14/15 \r\nETag: "x"',
    )
    expect(head).toMatchObject({
      status: 206,
      statusText: 'Partial Content',
      contentLength: 12,
    })
    expect(Object.fromEntries(head.headers)).toEqual({
      'content-length': '12',
      'content-range': 'bytes 3-14/15',
      etag: '"x"',
    })
  })

  it('may have no reason phrase, and no length when it refuses', () => {
    expect(parse('HTTP/1.1 503\r\nretry-after: 2')).toMatchObject({
      status: 503,
      statusText: '',
      contentLength: 0,
    })
    expect(parse('HTTP/1.1 404 Not Found\r\ntransfer-encoding: chunked').contentLength).toBe(0)
  })

  it.each([
    ['nothing', ''],
    ['another protocol', 'HTTP/2 200 OK\r\ncontent-length: 5'],
    ['an old protocol', 'HTTP/1.0 200 OK\r\ncontent-length: 5'],
    ['no status', 'HTTP/1.1 OK\r\ncontent-length: 5'],
    ['an interim status', 'HTTP/1.1 100 Continue'],
    ['control characters in its words', 'HTTP/1.1 200 O\x1bK\r\ncontent-length: 5'],
    ['a header without a name', `${OK}\r\n: 5`],
    ['a space before the colon', 'HTTP/1.1 200 OK\r\ncontent-length : 5'],
    ['a folded line', `${OK}\r\n x: y`],
    ['a bare line feed', `${OK}\nx: y`],
    ['a bare carriage return', `${OK}\r\nx: a\rb`],
    ['a zero byte', `${OK}\r\nx: a\0b`],
    ['two lengths', `${OK}\r\nContent-Length: 6`],
    ['two lengths that are equal', `${OK}\r\nContent-Length: 5`],
    ['two lengths in one', 'HTTP/1.1 200 OK\r\ncontent-length: 5, 5'],
    ['a negative length', 'HTTP/1.1 200 OK\r\ncontent-length: -5'],
    ['a length in hex', 'HTTP/1.1 200 OK\r\ncontent-length: 0x5'],
    ['a length beyond reason', 'HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999'],
    ['no length', 'HTTP/1.1 200 OK\r\nx: y'],
    ['a coding beside its length', `${OK}\r\ntransfer-encoding: chunked`],
  ])('is refused with %s', (_what, text) => expect(() => parse(text)).toThrow(/^the answer/))
})
