import { execFileSync, spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeCodePage, decodeOutput, isUtf16, unfinishedBytes } from './decode.ts'
import { OEM_UPPER_HALVES } from './oem-code-pages.ts'

const bytes = (...values: number[]) => Uint8Array.from(values)
const wide = (text: string) => Buffer.from(text, 'utf16le')

describe('the output of a program', () => {
  it('is UTF-8 if it is valid UTF-8', () => {
    expect(decodeOutput(Buffer.from('für 100 € 🙂'), 437)).toBe('für 100 € 🙂')
  })

  it.each<[number, string, number[], string]>([
    [437, 'United States', [0x8e, 0x9b], 'Ä¢'],
    [850, 'Western Europe', [0x66, 0x81, 0x72], 'für'],
    [858, 'Western Europe with euro', [0xd5], '€'],
    [852, 'Central Europe', [0x9c, 0xa9, 0xab], 'ťęź'],
    [775, 'Baltic', [0xd0, 0xd8], 'ąž'],
    [855, 'Cyrillic', [0xa0, 0xa1], 'аА'],
    [866, 'Cyrillic, Russia', [0x8f, 0xe0, 0xa8], 'При'],
    [737, 'Greek', [0x80, 0x98], 'Αα'],
    [869, 'Greek, modern', [0x86, 0x9b], 'Άά'],
    [857, 'Turkish', [0x98, 0x9e, 0x8d], 'İŞı'],
    [860, 'Portuguese', [0x84], 'ã'],
    [861, 'Icelandic', [0x8d], 'Þ'],
    [863, 'French, Canada', [0x84], 'Â'],
    [865, 'Nordic', [0x9b, 0x9d], 'øØ'],
    [862, 'Hebrew', [0x99, 0x8c, 0x85, 0x8d], 'שלום'],
    [720, 'Arabic', [0xa2, 0xa0], 'تب'],
    [864, 'Arabic', [0xb0], '٠'],
    [874, 'Thai', [0xa1, 0xd2], 'กา'],
    [1258, 'Vietnamese', [0xd0, 0xf5], 'Đơ'],
    [932, 'Japanese', [0x83, 0x65, 0xb1], 'テｱ'],
    [936, 'Chinese, simplified', [0xd6, 0xd0, 0xce, 0xc4], '中文'],
    [949, 'Korean', [0xc7, 0xd1, 0xb1, 0xdb], '한글'],
    [950, 'Chinese, traditional', [0xa4, 0xa4, 0xa4, 0xe5], '中文'],
    [1252, 'Western Europe, windows', [0xfc, 0x80], 'ü€'],
  ])('is in code page %i (%s) if it is not UTF-8', (page, _where, written, text) => {
    expect(decodeOutput(bytes(...written), page)).toBe(text)
  })

  it('keeps what is readable if no code page is known', () => {
    expect(decodeOutput(bytes(0x66, 0x81, 0x72), null)).toBe('f\ufffdr')
    expect(decodeOutput(bytes(0x66, 0x81, 0x72), 4711)).toBe('f\ufffdr')
  })

  it.each([
    ['with a byte order mark', '\ufeffÜbung\r\n', 'Übung\r\n'],
    ['Latin', 'Übung macht\r\n', 'Übung macht\r\n'],
    ['Cyrillic', 'Установка завершена\r\n', 'Установка завершена\r\n'],
    ['Greek', 'Η εγκατάσταση ολοκληρώθηκε\r\n', 'Η εγκατάσταση ολοκληρώθηκε\r\n'],
    ['Hebrew', 'ההתקנה הושלמה\r\n', 'ההתקנה הושלמה\r\n'],
    ['Arabic', 'اكتمل التثبيت\r\n', 'اكتمل التثبيت\r\n'],
    ['Thai', 'ติดตั้งเสร็จสมบูรณ์\r\n', 'ติดตั้งเสร็จสมบูรณ์\r\n'],
    ['Japanese', 'インストールが完了しました。\r\n', 'インストールが完了しました。\r\n'],
    ['Chinese', '安装已完成\r\n', '安装已完成\r\n'],
    ['Korean', '설치가 완료되었습니다\r\n', '설치가 완료되었습니다\r\n'],
  ])('is UTF-16 if it looks like it: %s', (_name, written, text) => {
    expect(decodeOutput(wide(written), 437)).toBe(text)
    expect(isUtf16(wide(written))).toBe(true)
  })

  it.each([
    ['plain text', Buffer.from('plain text\r\n')],
    ['nothing but nulls', Buffer.alloc(64)],
    ['text with a null in it', Buffer.from('copied a file\0and another one\r\n')],
    ['UTF-8 of another script', Buffer.from('Установка завершена\n')],
    ['Japanese of its code page', Buffer.from('83438393835883678155838b', 'hex')],
    ['colours of a terminal', Buffer.from('\x1b[32mdone\x1b[0m\r\n')],
  ])('is not UTF-16: %s', (_name, written) => {
    expect(isUtf16(written)).toBe(false)
  })

  it('is decoded line by line, because several programs may write to it', () => {
    const mixed = Buffer.concat([
      Buffer.from('begin für\r\n'),
      Buffer.from([0x66, 0x81, 0x72, 0x0d, 0x0a]),
      wide('Windows Installer meldet: größer\r\n'),
      wide('Готово\r\n'),
      Buffer.from('end\n'),
    ])
    expect(decodeOutput(mixed, 850)).toBe(
      'begin für\r\nfür\r\nWindows Installer meldet: größer\r\nГотово\r\nend\n',
    )
  })

  it.each([
    ['a null and a beep', 'abc\0def\nbeep \x07\nAll files copied successfully\n'],
    ['a null and letters of Latin-1', 'abc\0def\nGr\xf6\xdfe 12\nAll files copied successfully\n'],
    ['many nulls', 'one\0two\0three\0four\x01\nAll files copied successfully\n'],
    ['an odd null', 'a\0b\x02 words between\nAll files copied successfully\n'],
  ])('with %s between plain lines stays readable, at either parity', (_what, text) => {
    for (const before of ['', 'x']) {
      const raw = Buffer.from(before + text, 'latin1')
      const decoded = decodeOutput(raw, null)
      expect(decoded).toContain('All files copied successfully')
      expect(decoded).not.toMatch(/[\u3000-\u9fff]/)
      // Nor after text that really is UTF-16.
      expect(decodeOutput(raw, null, wide('Installing the product now\r\n'))).toContain(
        'All files copied',
      )
    }
  })

  it('never becomes East Asian because of a null byte in it', () => {
    const line = fc.stringMatching(/^[ -~]{0,60}$/)
    const odd = fc.constantFrom('\0', '\x07', '\xfc', '\0\0', '\x01')
    fc.assert(
      fc.property(fc.array(fc.tuple(line, odd), { minLength: 1, maxLength: 12 }), (parts) => {
        const tail = 'the end of the output of this program\n'
        const text =
          parts.map(([words, other]) => `${words} words${other} and more\n`).join('') + tail
        expect(decodeOutput(Buffer.from(text, 'latin1'), null)).toContain(tail)
      }),
    )
  })

  it('is read as UTF-16 even if it begins in the middle of a character', () => {
    const text = 'Property(C): ProductName\r\nProperty(C): Version\r\n'
    expect(decodeOutput(wide(text).subarray(1), null)).toBe(text.slice(1))
  })

  it('stays UTF-16 if a piece alone is ambiguous', () => {
    const [first, rest] = ['Установка ', 'завершена']
    expect(decodeOutput(wide(rest), 866, wide(first))).toBe(rest)
    expect(decodeOutput(Buffer.from('plain'), 866, wide(first))).toBe('plain')
  })
})

describe('a character at the end of a piece', () => {
  it.each<[number, string, string]>([
    [932, 'あア漢字', '82a083418abf8e9a'],
    [936, '中文字符', 'd6d0cec4d7d6b7fb'],
    [949, '한국어', 'c7d1b1b9beee'],
    [950, '中文字', 'a4a4a4e5a672'],
  ])('of code page %i stays whole, wherever it is cut', (page, text, hex) => {
    const whole = Buffer.concat([Buffer.from('ok\n'), Buffer.from(hex, 'hex')])
    for (let at = 1; at < whole.length; at++) {
      const to = at - unfinishedBytes(whole.subarray(0, at), page)
      const parts = [whole.subarray(0, to), whole.subarray(to)]
      const decoded = parts.map((part) => decodeOutput(part, page)).join('')
      expect(decoded, `cut at ${at}`).toBe(`ok\n${text}`)
    }
  })

  it('of UTF-8 and UTF-16 stays whole too', () => {
    expect(unfinishedBytes(Buffer.from('a€').subarray(0, 3), 437)).toBe(2)
    expect(unfinishedBytes(wide('Übung macht').subarray(0, 9), 437)).toBe(1)
    expect(unfinishedBytes(bytes(0x66, 0x81, 0x72), 850)).toBe(0)
  })
})

it('has all 128 characters in every table of a code page', () => {
  for (const [page, upper] of Object.entries(OEM_UPPER_HALVES))
    expect([...upper].length, page).toBe(128)
  expect(decodeCodePage(bytes(0x41, 0xe1, 0xff), 437)).toBe('Aß\u00a0')
})

const hasIconv = spawnSync('iconv', ['--version']).status === 0
if (!hasIconv)
  process.stderr.write('SKIPPED: code pages compared with those of iconv (is missing)\n')

it.runIf(hasIconv).each([437, 850, 852, 855, 857, 860, 861, 862, 863, 865, 866, 869, 874])(
  'matches iconv in code page %i',
  (page) => {
    for (let byte = 0x80; byte < 0x100; byte++) {
      let expected: string
      try {
        expected = execFileSync('iconv', ['-f', `CP${page}`, '-t', 'UTF-8'], {
          input: bytes(byte),
          stdio: ['pipe', 'pipe', 'ignore'],
        }).toString()
      } catch {
        continue // Not every byte is a character in that code page.
      }
      if (expected.length !== 1 || expected.charCodeAt(0) < 0xa0) continue
      expect(decodeCodePage(bytes(byte), page), byte.toString(16)).toBe(expected)
    }
  },
)
