import { describe, expect, it } from 'vitest'
import { decodeCodePage, decodeOutput, isUtf16 } from './decode.ts'
import { OEM_UPPER_HALVES } from './oem-code-pages.ts'

const bytes = (...values: number[]) => Uint8Array.from(values)

describe('the output of a program', () => {
  it('is UTF-8 where it can be', () => {
    expect(decodeOutput(Buffer.from('für 100 € 🙂'), 437)).toBe('für 100 € 🙂')
  })

  it('is in the code page of the console where it is no UTF-8', () => {
    // "für" as German Windows writes it into a console.
    expect(decodeOutput(bytes(0x66, 0x81, 0x72), 850)).toBe('für')
    expect(decodeOutput(bytes(0x8f, 0xe0, 0xa8), 866)).toBe('При')
    expect(decodeOutput(bytes(0x83, 0x65), 932)).toBe('テ')
  })

  it('keeps what is readable where no code page is known', () => {
    expect(decodeOutput(bytes(0x66, 0x81, 0x72), null)).toBe('f\ufffdr')
    expect(decodeOutput(bytes(0x66, 0x81, 0x72), 4711)).toBe('f\ufffdr')
  })

  it('is UTF-16 with its mark, or where it looks so', () => {
    expect(decodeOutput(Buffer.from('\ufeffÜbung\r\n', 'utf16le'), 437)).toBe('Übung\r\n')
    expect(decodeOutput(Buffer.from('Übung macht\r\n', 'utf16le'), 437)).toBe('Übung macht\r\n')
    expect(isUtf16(Buffer.from('plain text'))).toBe(false)
    expect(isUtf16(Buffer.alloc(64))).toBe(false)
  })
})

it('every table of a code page has its 128 characters', () => {
  for (const [page, upper] of Object.entries(OEM_UPPER_HALVES))
    expect([...upper].length, page).toBe(128)
  expect(decodeCodePage(bytes(0x41, 0xe1, 0xff), 437)).toBe('Aß\u00a0')
})
