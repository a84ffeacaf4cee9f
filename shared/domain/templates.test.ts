import { describe, expect, it } from 'vitest'
import { fill, fits } from './templates.ts'

describe('a text with parameters', () => {
  it('is filled in, and chooses the plural form', () => {
    const text = '{n} PC in {group} | {n} PCs in {group}'
    expect(fill(text, { n: 1, group: 'Lab' })).toBe('1 PC in Lab')
    expect(fill(text, { n: 0, group: 'Lab' })).toBe('0 PCs in Lab')
  })
  it('shows values as they are, whatever is in them', () => {
    expect(fill('{a} and {b}', { a: "{b} | $& {'@'}", b: 'x' })).toBe("{b} | $& {'@'} and x")
  })
  it('may contain escaped signs', () =>
    expect(fill("anna{'@'}example.org", {})).toBe('anna@example.org'))
  it('fits only if all of its parameters are there', () => {
    expect(fits('{a} and {b}', { a: 1, b: '', c: 2 })).toBe(true)
    expect(fits('{a} and {b}', { a: 1 })).toBe(false)
    expect(fits('{toString}', {})).toBe(false)
    expect(fits('a PC | PCs', { n: 'two' })).toBe(false)
  })
})
