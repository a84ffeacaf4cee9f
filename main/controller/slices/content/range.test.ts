import { describe, expect, it } from 'vitest'
import { parseRange } from './range.ts'

const SIZE = 1000

describe('a Range header', () => {
  it.each<[string | undefined, ReturnType<typeof parseRange>]>([
    [undefined, 'whole'],
    ['', 'whole'],
    ['bytes=0-0', { from: 0, to: 0 }],
    ['bytes=0-', { from: 0, to: 999 }],
    ['bytes=999-', { from: 999, to: 999 }],
    ['bytes=100-199', { from: 100, to: 199 }],
    [' bytes=100-199 ', { from: 100, to: 199 }],
    ['bytes=100-5000', { from: 100, to: 999 }],
    ['bytes=-1', { from: 999, to: 999 }],
    ['bytes=-1000', { from: 0, to: 999 }],
    ['bytes=-5000', { from: 0, to: 999 }],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=1000-', 'unsatisfiable'],
    ['bytes=1000-2000', 'unsatisfiable'],
    ['bytes=200-100', 'whole'],
    ['bytes=-', 'whole'],
    ['bytes=a-b', 'whole'],
    ['bytes=0-1,5-6', 'whole'],
    ['items=0-1', 'whole'],
    ['bytes=1.5-2', 'whole'],
    ['bytes=99999999999999999999-', 'whole'],
  ])('%j of 1000 bytes means %j', (header, meant) => {
    expect(parseRange(header, SIZE)).toEqual(meant)
  })

  it('finds nothing to honour in an empty file', () => {
    expect(parseRange('bytes=0-', 0)).toBe('unsatisfiable')
    expect(parseRange('bytes=-5', 0)).toBe('unsatisfiable')
  })
})
